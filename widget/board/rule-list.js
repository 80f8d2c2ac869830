/** The rules in force, and how to have others. */

import { make } from '../src/dom.js';
import { duration } from './measures.js';
import { scrollable, table } from './tables.js';
import { WORDS } from './view-words.js';

const words = WORDS.rules;

export class RuleList {
  constructor() {
    this.content = make('div');
    const steps = words.steps.map(({ text, command }) => make('li', {}, [make('p', {}, [text]), ...(command ? [make('pre', { tabindex: '0' }, [command])] : [])]));
    const how = make('details', { class: 'card' }, [make('summary', {}, [make('h3', {}, [words.how])]), make('ol', { class: 'steps' }, steps)]);
    this.element = make('section', { 'aria-labelledby': 'rules-title' }, [make('h2', { id: 'rules-title' }, [words.title]), this.content, how]);
  }

  /** @param {import('./records.js').Rule[]} rules */
  show(rules) {
    const columns = [{ name: words.columns.rule }, { name: words.columns.severity }, { name: words.columns.message }, { name: words.columns.when }, { name: words.columns.cooldown }];
    const rows = rules.map((rule) => [
      make('code', {}, [rule.rule]),
      make('b', { class: 'severity', 'data-severity': rule.severity }, [WORDS.severities[rule.severity]]),
      rule.message, whenOf(rule.conditions), duration(rule.cooldown_sec),
    ]);
    const inner = rows.length ? scrollable(words.title, table(words.title, columns, rows)) : make('p', { class: 'note' }, [words.none]);
    this.content.replaceChildren(inner);
  }

  /** @param {unknown} error */
  failed(error) {
    this.content.replaceChildren(make('p', { class: 'note' }, [words.failed(error instanceof Error ? error.message : String(error))]));
  }
}

/**
 * @param {Record<string, string|number>} conditions
 * @returns {string} what must hold, in words; one that this page does not know as the file writes it
 */
function whenOf(conditions) {
  const { within_sec: within, speech_sec: speech, ...rest } = conditions;
  const told = Object.entries(rest).map(([name, value]) => words.conditions[name]?.(value) ?? `${name} = ${value}`);
  if (within !== undefined) told.push(words.within(Number(within)));
  if (speech !== undefined) told.push(words.speech(Number(speech)));
  return told.join(', ');
}
