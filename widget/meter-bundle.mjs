/** What the meter's bundle needs besides minifying: files that it fetches later keep to themselves, and CSS is made small. */

import { readFile } from 'node:fs/promises';
import { transform } from 'esbuild';

/** The audio thread's module, by address: bundlers do not follow it. */
const WORKLET = "new URL('./worklet.js'";

/** @type {import('esbuild').Plugin} */
export const meter = {
  name: 'meter',
  setup({ onResolve, onLoad }) {
    // All lie in one folder.
    onResolve({ filter: /\.js$/ }, ({ kind, path }) => (
      kind === 'dynamic-import' ? { path: path.replace(/\.js$/, '.min.js'), external: true } : null
    ));
    onLoad({ filter: /\/src\/capture\.js$/ }, async ({ path }) => {
      const text = await readFile(path, 'utf8');
      if (!text.includes(WORKLET)) throw new Error(`${path} does not load ${WORKLET}`);
      return { contents: text.replace(WORKLET, WORKLET.replace('.js', '.min.js')) };
    });
    onLoad({ filter: /\/src\/(extra-)?looks\.js$/ }, async ({ path }) => {
      const { LOOKS } = await import(path);
      const { code } = await transform(LOOKS, { loader: 'css', minify: true });
      return { contents: `export const LOOKS = '${code.trim().replaceAll(/[\\']/g, '\\$&')}';` };
    });
  },
};
