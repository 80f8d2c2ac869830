/** Fields that narrow a view down. What they say stands in the address, so that a view can be linked to. */

import { make } from '../src/dom.js';

/**
 * @typedef {object} Field
 * @property {string} name in the address
 * @property {string} label
 * @property {'text'|'date'|'datetime-local'|'select'} kind
 * @property {[string, string][]} [options] value and text, for a select
 * @property {string} [hint] a placeholder
 * @property {string} [pattern]
 */

/** Ids of agents and calls, as the server takes them. */
export const NAME_PATTERN = '[A-Za-z0-9][A-Za-z0-9._@=+\\-]{0,127}';

export class Filters {
  /**
   * @param {string} name of the form
   * @param {Field[]} fields
   * @param {(values: URLSearchParams) => void} changed only what is not empty
   */
  constructor(name, fields, changed) {
    this.fields = new Map(fields.map((field) => [field.name, control(field)]));
    const labelled = fields.map((field) => {
      const inner = this.fields.get(field.name);
      return make('label', { class: 'field' }, [make('span', {}, [field.label]), ...(inner ? [inner] : [])]);
    });
    this.element = make('form', { class: 'filters', role: 'search', 'aria-label': name }, labelled);
    this.element.addEventListener('submit', (event) => event.preventDefault());
    this.element.addEventListener('change', () => {
      if (this.element.reportValidity()) changed(this.values());
    });
  }

  /** @returns {URLSearchParams} */
  values() {
    const given = [...this.fields].map(([name, field]) => [name, field.value.trim()]);
    return new URLSearchParams(given.filter(([, value]) => value));
  }

  /** @param {URLSearchParams} query */
  fill(query) {
    for (const [name, field] of this.fields) {
      const value = query.get(name) ?? '';
      // A link may name what the list has not learned of yet.
      if (field instanceof HTMLSelectElement && value && ![...field.options].some((each) => each.value === value)) {
        field.append(make('option', { value }, [value]));
      }
      field.value = value;
    }
  }

  /**
   * Offer other choices in a select, and keep what is chosen.
   * @param {string} name
   * @param {[string, string][]} options
   */
  offer(name, options) {
    const field = this.fields.get(name);
    if (!(field instanceof HTMLSelectElement)) return;
    const chosen = field.value;
    const all = options.some(([value]) => value === chosen) || !chosen ? options : [...options, /** @type {[string, string]} */ ([chosen, chosen])];
    field.replaceChildren(...all.map(([value, text]) => make('option', { value }, [text])));
    field.value = chosen;
  }
}

/**
 * @param {Field} field
 * @returns {HTMLInputElement|HTMLSelectElement}
 */
function control({ name, kind, options = [], hint, pattern }) {
  if (kind === 'select') return make('select', { name }, options.map(([value, text]) => make('option', { value }, [text])));
  const attributes = { name, type: kind, autocomplete: 'off', spellcheck: 'false', ...(hint ? { placeholder: hint } : {}) };
  return make('input', pattern ? { ...attributes, pattern } : attributes);
}
