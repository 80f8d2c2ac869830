/** The board's addresses: `#/name/more?filter=value`. */

/**
 * @typedef {object} Place
 * @property {string} name of the view
 * @property {string[]} path what follows the name
 * @property {URLSearchParams} query
 */

/**
 * @param {string} hash
 * @returns {Place}
 */
export function placeOf(hash) {
  const [path, query = ''] = hash.replace(/^#\/?/, '').split(/\?(.*)/s);
  const [name, ...more] = path.split('/').filter(Boolean).map(decoded);
  return { name: name ?? '', path: more, query: new URLSearchParams(query) };
}

/**
 * @param {string} name
 * @param {string[]} [path]
 * @param {Record<string, string|undefined>} [query] what is empty is left out
 * @returns {string} the address
 */
export function hashOf(name, path = [], query = {}) {
  const said = Object.entries(query).filter(([, value]) => value);
  const asked = new URLSearchParams(/** @type {[string, string][]} */ (said)).toString();
  return `#/${[name, ...path].map(encodeURIComponent).join('/')}${asked && `?${asked}`}`;
}

/** @param {string} part */
function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;  // somebody typed a lone %
  }
}
