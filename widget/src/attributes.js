/** What an element's attributes say of its calls. */

/** How long a lost connection is tried again, in seconds, unless `reconnect-sec` says otherwise. */
const RECONNECT_SEC = 600;

/**
 * @param {Element} element
 * @returns {string} the service's base address, ending in a slash
 */
export function serverOf(element) {
  const base = element.getAttribute('server');
  const url = base ? new URL(base, document.baseURI) : new URL('/', import.meta.url);
  if (!url.pathname.endsWith('/')) url.pathname += '/';
  return url.href;
}

/**
 * @param {Element} element
 * @returns {string} the call's name, one that no other call has unless it is given
 */
export function callIdOf(element) {
  const given = element.getAttribute('call-id');
  if (given) return given;
  const [high, low] = crypto.getRandomValues(new Uint32Array(2));
  return `web-${high.toString(36)}${low.toString(36)}`;
}

/**
 * @param {Element} element
 * @returns {Record<string, unknown>} the first message without the call's name, as far as attributes tell it
 */
export function startOf(element) {
  const agent = element.getAttribute('agent-id');
  const basis = element.getAttribute('consent-basis');
  const notice = element.getAttribute('consent-notice-id');
  const consent = { basis, ...(notice ? { notice_id: notice } : {}) };
  return { ...(agent ? { agent_id: agent } : {}), ...(basis ? { consent } : {}) };
}

/**
 * @param {Element} element
 * @returns {number} how long a lost connection is tried again, in milliseconds
 */
export function giveUpMsOf(element) {
  const given = element.getAttribute('reconnect-sec');
  const seconds = given ? Number(given) : RECONNECT_SEC;
  return 1000 * (seconds >= 0 ? seconds : RECONNECT_SEC);
}
