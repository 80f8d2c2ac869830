/** What belongs to a call besides its readings: facts, alerts, feedback, totals, and who looked at it. */

import { make } from '../src/dom.js';
import { wordAndShare } from './emotions.js';
import { clock, duration } from './measures.js';
import { dayAndTime } from './moments.js';
import { scrollable, table } from './tables.js';
import { WORDS } from './view-words.js';

const words = WORDS.call;

/**
 * @param {import('./records.js').Call} call
 * @returns {HTMLElement} what it is, and of whom
 */
export function factsOf(call) {
  const consent = call.consent ? [call.consent.basis, call.consent.notice_id].filter(Boolean).join(' · ') : WORDS.none;
  const own = Object.entries(call.metadata).map(([name, value]) => fact(name, typeof value === 'string' ? value : JSON.stringify(value)));
  const ended = call.ended_at ? [fact(words.ended, dayAndTime(call.ended_at)), fact(words.reason, words.reasons[call.reason ?? ''] ?? call.reason ?? WORDS.none)] : [];
  return make('dl', {}, [
    fact(words.standing, call.live ? words.live : call.kind === 'clip' ? words.clip : words.over),
    fact(words.agent, call.agent_id ?? WORDS.none), fact(words.started, dayAndTime(call.started_at)), ...ended,
    fact(words.length, duration(call.totals.audio_sec)), fact(words.consent, consent), fact(words.model, call.model || WORDS.none), ...own,
  ]);
}

/**
 * @param {import('./context.js').LoggedAlert[]} alerts
 * @returns {HTMLElement}
 */
export function alertSection(alerts) {
  const items = alerts.map((alert) => make('li', { 'data-severity': alert.severity }, [
    make('span', { class: 'at' }, [clock(alert.offset_sec)]),
    make('b', { class: 'severity' }, [WORDS.severities[alert.severity]]),
    make('span', {}, [alert.message, ' ', make('code', {}, [alert.rule])]),
  ]));
  return card(words.alerts, items.length ? make('ul', { class: 'alerts', tabindex: '0', 'aria-label': words.alerts }, items) : nothing(words.noAlerts));
}

/**
 * @param {import('./records.js').CallFeedback} feedback
 * @param {import('./records.js').Segment[]} segments
 * @returns {HTMLElement}
 */
export function feedbackSection({ items, hints }, segments) {
  const known = new Map(segments.map((segment) => [segment.segment_id, segment]));
  const readings = items.map(({ segment_id, correct, emotion }) => {
    const segment = known.get(segment_id);
    const said = correct ? words.right : words.wrong(emotion ?? '');
    return segment ? words.saidOf(clock(segment.start_offset_sec), wordAndShare(segment), said) : said;
  });
  const rated = hints.map(({ rule, offset_sec, useful }) => words.saidOf(clock(offset_sec), rule, useful ? words.useful : words.useless));
  const all = [...readings, ...rated].map((text) => make('li', {}, [text]));
  return card(words.feedback, all.length ? make('ul', { class: 'told' }, all) : nothing(words.noFeedback));
}

/**
 * @param {import('./records.js').Call} call
 * @returns {HTMLElement}
 */
export function totalsSection({ totals }) {
  const named = /** @type {[string, string][]} */ ([
    [words.totals.audio_sec, duration(totals.audio_sec)], [words.totals.speech_sec, duration(totals.speech_sec)],
    [words.totals.segments, totals.segments.toLocaleString()], [words.totals.short_sec, duration(totals.short_sec)],
    [words.totals.paused_sec, duration(totals.paused_sec)], [words.totals.dropped_sec, duration(totals.dropped_sec)],
  ]);
  return card(words.totalsTitle, make('dl', { class: 'totals' }, named.map(([name, value]) => fact(name, value))));
}

/**
 * @param {import('./records.js').CallAudit} audit newest first
 * @returns {HTMLDetailsElement}
 */
export function auditSection({ items, complete }) {
  const columns = [{ name: words.auditColumns.time }, { name: words.auditColumns.who }, { name: words.auditColumns.what }];
  const rows = looks(items).map(({ line, actions }) => [dayAndTime(line.time), whoOf(line), [...actions].join(', ')]);
  const more = complete ? [] : [nothing(words.auditMore)];
  const inner = rows.length ? [scrollable(words.audit, table(words.audit, columns, rows))] : [nothing(words.noAudit)];
  return make('details', { class: 'card audit' }, [make('summary', {}, [make('h2', {}, [words.audit])]), ...inner, ...more]);
}

/**
 * One look at this page is several requests: what one token did within a minute is one row.
 * @param {import('./records.js').AuditLine[]} items
 */
function looks(items) {
  /** @type {{line: import('./records.js').AuditLine, actions: Set<string>}[]} */
  const found = [];
  for (const line of items) {
    const last = found.at(-1);
    const isSame = last?.line.token_id === line.token_id && last?.line.time.slice(0, 16) === line.time.slice(0, 16);
    if (last && isSame) last.actions.add(actionOf(line));
    else found.push({ line, actions: new Set([actionOf(line)]) });
  }
  return found;
}

/** @param {import('./records.js').AuditLine} line */
function actionOf({ action, status, code }) {
  const named = words.actions[action] ?? action;
  if (!status) return words.announced(named);
  return status < 400 ? named : words.refused(named, code ?? String(status));
}

/** @param {import('./records.js').AuditLine} line */
function whoOf({ role, subject, token_id: token }) {
  return [role ?? WORDS.none, subject ?? (token ? words.token(token.slice(0, 8)) : '')].filter(Boolean).join(' · ');
}

/**
 * @param {string} title
 * @param {HTMLElement} content
 */
function card(title, content) {
  return make('section', { class: 'card' }, [make('h2', {}, [title]), content]);
}

/** @param {string} text */
function nothing(text) {
  return make('p', { class: 'note' }, [text]);
}

/**
 * @param {string} name
 * @param {string} value
 */
function fact(name, value) {
  return make('div', {}, [make('dt', {}, [name]), make('dd', {}, [value])]);
}
