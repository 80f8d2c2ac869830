/** The softphone's page: takes calls, lets the agent hear them, and hands the customer's stream to the meter. */

import { connect } from './loopback.js';

/** @typedef {import('../../src/element.js').UndervoiceMeter} UndervoiceMeter */

const SAMPLE = '/widget/demo/sample-call.flac';

/**
 * @template {HTMLElement} Kind
 * @param {string} id
 * @param {new () => Kind} kind
 * @returns {Kind}
 */
function byId(id, kind) {
  const element = document.getElementById(id);
  if (!(element instanceof kind)) throw new Error(`the page has no #${id}`);
  return element;
}

const meter = /** @type {UndervoiceMeter} */ (byId('meter', HTMLElement));
const ear = byId('ear', HTMLAudioElement);
const answer = byId('call', HTMLButtonElement);
const end = byId('hangup', HTMLButtonElement);
const file = byId('recording', HTMLInputElement);

/** @type {import('./loopback.js').RunningCall|null} */
let call = null;
/** @type {AudioContext|null} */
let context = null;

/**
 * @param {string} words
 * @param {boolean} on whether there is a call
 */
function show(words, on) {
  byId('status', HTMLElement).textContent = words;
  byId('light', HTMLElement).classList.toggle('on', on);
  answer.disabled = on;
  end.disabled = !on;
}

/** @param {Blob|null} recording the sample call where there is none */
async function take(recording) {
  hangUp('No call');
  const mine = new AudioContext();
  context = mine;
  show('Ringing…', true);
  try {
    const body = recording ?? (await fetch(SAMPLE));
    const spoken = await mine.decodeAudioData(await body.arrayBuffer());
    const taken = await connect(spoken, mine, () => hangUp('The customer has hung up'));
    if (context !== mine) return taken.hangUp();
    call = taken;
    ear.srcObject = call.stream;
    await ear.play();
    show('On a call', true);
    await meter.attach(call.stream);
  } catch (error) {
    if (context === mine) hangUp(`No call: ${error instanceof Error ? error.message : error}`);
  }
}

/** @param {string} words why there is none any more */
function hangUp(words) {
  void meter.stop();
  ear.srcObject = null;
  call?.hangUp();
  void context?.close();
  call = context = null;
  show(words, false);
}

meter.token = new URLSearchParams(location.hash.slice(1)).get('token') ?? '';
if (meter.token) history.replaceState(null, '', location.pathname);
byId('no-token', HTMLElement).hidden = meter.token !== '';
answer.addEventListener('click', () => void take(null));
end.addEventListener('click', () => hangUp('No call'));
file.addEventListener('change', () => {
  if (file.files?.[0]) void take(file.files[0]);
  file.value = '';
});
