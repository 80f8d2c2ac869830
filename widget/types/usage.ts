/** A page as an integrator would write it: it is never run, tsc checks that it may be written so. */

import type { EventDetails } from './undervoice-meter.js';

const meter = document.querySelector('undervoice-meter');
if (!meter) throw new Error('the page has no meter');

meter.tokenProvider = async () => (await fetch('/my/token')).text();
meter.strings = { moods: { calm: 'All good' } };
meter.addEventListener('undervoice-mood', ({ detail }) => {
  const state: 'calm' | 'tense' | 'upset' | 'recovering' = detail.state;
  console.log(state, detail.upset_sec.toFixed(0));
});
meter.addEventListener('undervoice-action', ({ detail }) => console.log(detail.action satisfies string));
// @ts-expect-error there is no such field
meter.addEventListener('undervoice-ended', ({ detail }) => console.log(detail.colour));
// @ts-expect-error words are text
meter.strings = { pause: 5 };

new RTCPeerConnection().ontrack = ({ streams: [customer] }) => void meter.attach(customer);

export const states: EventDetails['undervoice-state']['state'][] = [meter.state];
