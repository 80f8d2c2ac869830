/** Who has signed in: the token, in this tab alone. */

const KEPT = 'undervoice-token';

/**
 * Take a token out of the address and clear it there at once, so that no history, bookmark or screenshot keeps it.
 * @param {string} [place] the board's address to be at instead
 * @returns {string} empty where there was none
 */
export function takeLink(place = '') {
  if (!location.hash.startsWith('#token=')) return '';
  const token = tokenIn(location.hash);
  history.replaceState(null, '', location.pathname + location.search + place);
  return token;
}

/**
 * @param {string} text a token, or a whole link that carries one
 * @returns {string}
 */
export function tokenIn(text) {
  const [, carried] = /#token=([^&\s]+)/.exec(text) ?? [];
  return (carried ?? text).trim();
}

/**
 * What a token says of itself. That is no proof of anything: the server alone decides.
 * @param {string} token
 * @returns {{role?: string, exp?: number}|null} null where it is no token
 */
export function claimsOf(token) {
  try {
    const part = token.split('.')[1].replace(/-/g, '+').replace(/_/g, '/');
    const claims = JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(part), (each) => each.charCodeAt(0))));
    return typeof claims === 'object' ? claims : null;
  } catch {
    return null;
  }
}

/** @returns {string} the token that this tab has kept over a reload, or nothing */
export function keptToken() {
  try {
    return sessionStorage.getItem(KEPT) ?? '';
  } catch {
    return '';  // the browser keeps nothing for this page
  }
}

/** @param {string} token what to keep for this tab; an empty one forgets */
export function keepToken(token) {
  try {
    if (token) sessionStorage.setItem(KEPT, token);
    else sessionStorage.removeItem(KEPT);
  } catch {
    // Then it holds until the page is loaded again.
  }
}
