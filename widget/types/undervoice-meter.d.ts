/** The element and its events, for pages written in TypeScript or checked by it. */

import type { UndervoiceMeter } from '../src/element.js';
import type { EventDetails } from '../src/events.js';

/** Every event of the element, by name. */
export type MeterEventMap = { [Name in keyof EventDetails]: CustomEvent<EventDetails[Name]> };

export type { EventDetails, UndervoiceMeter };

declare global {
  interface HTMLElementTagNameMap {
    'undervoice-meter': UndervoiceMeter;
  }
  // The events bubble and cross shadow roots, so any element may hear them.
  interface HTMLElementEventMap extends MeterEventMap {}
}
