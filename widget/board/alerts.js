/** To come. */

/** @typedef {import("./context.js").View} View */

/** @implements {View} */
export class AlertsView {
  /** @param {import('./context.js').Context} context */
  constructor(context) {
    this.context = context;
    this.element = document.createElement('div');
    this.title = 'Alerts';
  }

  /** @param {string[]} _path @param {URLSearchParams} _query */
  open(_path, _query) {}

  close() {}
}
