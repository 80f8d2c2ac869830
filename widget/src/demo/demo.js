/** The demo page: takes the token out of the address and wires four buttons to the meter. */

import '../undervoice-meter.js';

/** @typedef {import('../element.js').UndervoiceMeter} UndervoiceMeter */

const SAMPLE = new URL('./sample-call.flac', import.meta.url);

/**
 * Take the token from the fragment into memory and clear the address bar, so that no history or screenshot keeps it.
 * @returns {string}
 */
function takeToken() {
  const token = new URLSearchParams(location.hash.slice(1)).get('token') ?? '';
  if (token) history.replaceState(null, '', location.pathname + location.search);
  return token;
}

/**
 * @param {string} id
 * @returns {HTMLElement}
 */
function byId(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`the page has no #${id}`);
  return element;
}

/** @returns {string} what a host page needs, with this server's address filled in */
function snippet() {
  return `<script type="module" src="${location.origin}/widget/undervoice-meter.min.js"></script>
<undervoice-meter agent-id="a-7" consent-basis="notice" consent-notice-id="ivr-4"></undervoice-meter>

const meter = document.querySelector('undervoice-meter');
meter.tokenProvider = () => fetch('/my/undervoice-token').then((r) => r.text());
peerConnection.ontrack = ({ streams: [customer] }) => meter.attach(customer);
meter.addEventListener('undervoice-mood', ({ detail }) => console.log(detail.state));
meter.addEventListener('undervoice-action', ({ detail }) => desk.open(detail.action));`;
}

const meter = /** @type {UndervoiceMeter} */ (byId('meter'));
const file = /** @type {HTMLInputElement} */ (byId('file'));

meter.token = takeToken();
byId('no-token').hidden = meter.token !== '';
byId('snippet').textContent = snippet();
byId('sample').addEventListener('click', () => void meter.startFile(SAMPLE));
byId('microphone').addEventListener('click', () => void meter.startMicrophone());
byId('tab').addEventListener('click', () => void meter.startTab());
meter.addEventListener('undervoice-action', (event) => {
  const { action } = /** @type {CustomEvent<{action: string}>} */ (event).detail;
  byId('acted').textContent = `Your desk would now do “${action}”.`;
});
file.addEventListener('change', () => {
  if (file.files?.[0]) void meter.startFile(file.files[0]);
  // So that the same file can be chosen again.
  file.value = '';
});
