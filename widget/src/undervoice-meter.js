/** Registers `<undervoice-meter>`; import `element.js` instead to register the class under another name. */

import { UndervoiceMeter } from './element.js';

if (!customElements.get('undervoice-meter')) customElements.define('undervoice-meter', UndervoiceMeter);

export { UndervoiceMeter };
