/** The board's frame: who has signed in, which view is open, how the line is. */

import { make, makeButton, write } from '../src/dom.js';
import { Api } from './api.js';
import { Feed } from './feed.js';
import { placeOf } from './router.js';
import { keepToken, keptToken, takeLink } from './session.js';
import { SignIn } from './sign-in.js';
import { BOARD, SIGN_IN, VIEWS } from './words.js';

/**
 * @typedef {import('./context.js').View} View
 * @typedef {new (context: import('./context.js').Context) => View} ViewClass
 */

/** The views' classes by the first word of their address. `calls` has no place in the navigation. */
const FIRST = 'wall';

export class App {
  /**
   * @param {HTMLElement} root
   * @param {Record<string, ViewClass>} views
   */
  constructor(root, views) {
    this._views = views;
    /** @type {Map<string, View>} */
    this._made = new Map();
    /** @type {View|null} */
    this._open = null;
    /** @type {import('./context.js').Context|null} */
    this._context = null;
    /** @type {() => void} */
    this._stopListening = () => {};
    this._signIn = new SignIn((token) => this._enter(token));
    this._links = new Map(Object.entries(VIEWS).map(([name, title]) => [name, make('a', { href: `#/${name}` }, [title])]));
    this._fresh = make('b', { class: 'count' });
    this._links.get('wall')?.append(this._fresh);
    this._line = make('span', { class: 'line', role: 'status' });
    const out = make('button', { type: 'button', class: 'plain' }, [BOARD.signOut]);
    out.addEventListener('click', () => this._leave(''));
    this._nav = make('nav', { 'aria-label': BOARD.views }, [...this._links.values()]);
    this._bar = make('div', { class: 'bar' }, [this._line, out]);
    this._heading = make('h1', { tabindex: '-1' });
    this._stage = make('div', { class: 'stage' });
    this._main = make('main', { id: 'content' }, [this._heading, this._stage]);
    const skip = make('button', { type: 'button', class: 'skip' }, [BOARD.skip]);
    skip.addEventListener('click', () => this._heading.focus());
    const header = make('header', {}, [make('p', { class: 'brand' }, [BOARD.name]), this._nav, this._bar]);
    root.append(skip, header, this._main);
    addEventListener('hashchange', () => this._moved());
  }

  /** Begin with a link's token, a kept one, or the sign-in. */
  start() {
    const linked = takeLink();
    if (linked) this._offer(linked);
    else if (keptToken()) this._enter(keptToken());
    else this._leave('');
  }

  _moved() {
    // The place stays what it was before somebody followed a link with a token in this tab.
    const linked = takeLink(this._hash ?? '');
    if (linked) this._offer(linked);
    else if (this._context) this._show();
  }

  /** @param {string} token */
  _offer(token) {
    this._leave('');
    void this._signIn.offer(token);
  }

  /** @param {string} token */
  _enter(token) {
    keepToken(token);
    const api = new Api(token, (error) => this._context?.api === api && this._leave(error.message || SIGN_IN.invalid));
    const feed = new Feed(api);
    this._context = { api, feed, go: (hash, how) => this._go(hash, how) };
    this._nav.hidden = this._bar.hidden = false;
    this._stopListening = feed.subscribe(() => this._status(feed));
    this._show();
  }

  /** @param {string} reason why; the address stays, so that the next sign-in leads back */
  _leave(reason) {
    keepToken('');
    this._stopListening();
    this._stopListening = () => {};
    this._open?.close();
    this._open = null;
    this._context?.feed.close();
    this._context = null;
    this._made.clear();
    this._nav.hidden = this._bar.hidden = true;
    this._title(SIGN_IN.title);
    this._stage.replaceChildren(this._signIn.element);
    this._signIn.open(reason);
  }

  /** @param {string} hash @param {{replace: boolean}} [how] */
  _go(hash, how) {
    if (!how?.replace) {
      location.hash = hash;
      return;
    }
    history.replaceState(null, '', hash);
    this._show();
  }

  _show() {
    if (!this._context) return;
    this._hash = location.hash;
    const { name = '', path, query } = placeOf(location.hash);
    const before = this._open;
    before?.close();
    this._open = null;
    // A call that is looked at has no news any more.
    if (name === 'calls') this._context.feed.calls.seen(path[0] ?? '');
    this._status(this._context.feed);
    try {
      this._open = this._view(name || FIRST, this._context);
      if (!this._open || this._open !== before) this._stage.replaceChildren(this._open?.element ?? nowhere());
      this._open?.open(path, query);
    } catch (error) {
      // A view that fails must not take the others along; what happened is for the browser's console.
      console.error(error);
      this._made.delete(name || FIRST);
      this._stage.replaceChildren(broken(() => this._show()));
    }
    this._arrive(name || FIRST, this._open !== before);
  }

  /** @param {string} name @param {boolean} moved whether another view was open */
  _arrive(name, moved) {
    this._title(this._open?.title ?? VIEWS[name] ?? BOARD.unknown);
    for (const [each, link] of this._links) mark(link, each === name);
    // Whoever cannot see the page change is taken to its heading.
    if (moved && this._shown) this._heading.focus({ preventScroll: true });
    if (moved && this._shown) scrollTo(0, 0);
    this._shown = true;
  }

  /**
   * @param {string} name
   * @param {import('./context.js').Context} context
   * @returns {View|null} null where there is none of this name
   */
  _view(name, context) {
    const known = this._made.get(name);
    if (known || !Object.hasOwn(this._views, name)) return known ?? null;
    const view = new this._views[name](context);
    this._made.set(name, view);
    return view;
  }

  /** @param {string} title */
  _title(title) {
    write(this._heading, title);
    document.title = BOARD.title(title);
  }

  /** @param {Feed} feed */
  _status(feed) {
    const words = { connecting: BOARD.connecting, live: BOARD.live, lost: BOARD.lost };
    write(this._line, words[feed.state]);
    this._line.dataset.state = feed.state;
    const fresh = feed.calls.freshCount();
    write(this._fresh, fresh ? String(fresh) : '');
    this._fresh.hidden = fresh === 0;
    this._fresh.title = fresh ? BOARD.newAlerts(fresh) : '';
  }
}

/** @param {HTMLElement} link @param {boolean} current */
function mark(link, current) {
  if (current) link.setAttribute('aria-current', 'page');
  else link.removeAttribute('aria-current');
}

/** @returns {HTMLElement} */
function nowhere() {
  return make('div', { class: 'empty' }, [make('p', {}, [BOARD.unknownMore])]);
}

/** @param {() => void} again @returns {HTMLElement} */
function broken(again) {
  return make('div', { class: 'notice', role: 'alert' }, [make('p', {}, [BOARD.failed]), makeButton(BOARD.again, '', again)]);
}
