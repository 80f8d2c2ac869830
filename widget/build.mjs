/**
 * Make the files that browsers load as bundles: one row of `BUNDLES` each.
 *
 * `npm run build` makes them all into `dist/`, which is not kept in the repository: `make run` and the wheel's build
 * make it. The widget's own modules need none of this; they are served as they are.
 */

import { mkdir, copyFile, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { meter } from './meter-bundle.mjs';

const HERE = dirname(fileURLToPath(import.meta.url));

/**
 * @typedef {object} Bundle
 * @property {string} from the module that everything hangs on
 * @property {string} to what it becomes, under dist/; styles that it imports stand beside it
 * @property {string[]} [copies] files that go along as they are, into the same folder
 * @property {number} [mostGzip] the most bytes that it may have over the wire
 * @property {import('esbuild').Plugin[]} [plugins]
 */

/** @type {Bundle[]} */
const BUNDLES = [
  { from: 'board/main.js', to: 'board/board.js', copies: ['board/index.html'] },
  // The meter's bundle, and beside it what it fetches where it is wanted: /widget/*.min.js.
  ...['undervoice-meter', 'worklet', 'extras', 'words/de', 'words/es'].map((name) => (
    { from: `src/${name}.js`, to: `meter/${name.split('/').at(-1)}.min.js`, plugins: [meter] }
  )),
];

/** @param {Bundle} bundle */
async function make({ from, to, copies = [], mostGzip = Infinity, plugins = [] }) {
  const file = join(HERE, 'dist', to);
  await mkdir(dirname(file), { recursive: true });
  await build({
    entryPoints: [join(HERE, from)],
    outfile: file,
    bundle: true,
    minify: true,
    format: 'esm',
    target: ['es2022', 'chrome111', 'firefox115', 'safari16.4'],
    charset: 'utf8',
    legalComments: 'eof',
    logLevel: 'warning',
    plugins,
  });
  for (const path of copies) await copyFile(join(HERE, path), join(dirname(file), path.split('/').at(-1) ?? path));
  const bytes = gzipSync(await readFile(file), { level: 9 }).length;
  if (bytes > mostGzip) throw new Error(`dist/${to} has ${bytes} bytes gzip; it may have ${mostGzip}`);
  console.error(`dist/${to}: ${bytes} bytes gzip`);
}

try {
  await Promise.all(BUNDLES.map(make));
} catch (error) {
  console.error(`the bundles could not be built: ${error instanceof Error ? error.message : error}`);
  process.exit(1);
}
