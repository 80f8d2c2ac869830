/** Why an upgrade was refused: a browser sees only 1006, so a plain route is asked with the same token. */

import { Failure, statusFailure } from './failure.js';

/**
 * @param {string} server base address
 * @param {string} token
 * @param {AbortSignal} signal
 * @returns {Promise<Failure>}
 */
export async function askWhy(server, token, signal) {
  const question = { cache: /** @type {RequestCache} */ ('no-store'), signal };
  try {
    const headers = { Authorization: `Bearer ${token}` };
    const answer = await fetch(new URL('api/v1/model', server), { headers, ...question });
    if (!answer.ok) return statusFailure(answer.status, waitMs(answer));
    // The token is good, so it is about room; readiness tells.
    const ready = await fetch(new URL('readyz', server), question).catch(() => answer);
    return statusFailure(ready.status, waitMs(ready));
  } catch (error) {
    // Without a CORS header the answer is hidden too; that something answers tells the two apart. The widget's
    // own files are what any page may load.
    const alive = await fetch(new URL('widget/undervoice-meter.js', server), { mode: 'no-cors', ...question }).then(
      () => true,
      () => false,
    );
    return new Failure(alive ? 'origin_refused' : 'unreachable', String(error), true);
  }
}

/**
 * @param {Response} answer
 * @returns {number} what `Retry-After` asks for, in milliseconds; 0 where it is absent, hidden or a date
 */
function waitMs(answer) {
  return 1000 * Math.max(0, Number(answer.headers.get('Retry-After')) || 0);
}
