/** How the element's documentation is made of its JSDoc: `npm run manifest` writes custom-elements.json. */

/** Words of the element that readers look for; what only its own parts use is left out. */
const PUBLIC = /^[a-z]\w*$/;
const INNER = new Set(['view', 'connectedCallback', 'disconnectedCallback', 'attributeChangedCallback', 'observedAttributes']);

/** @type {object} */
export default {
  globs: ['src/element.js', 'src/undervoice-meter.js'],
  outdir: '.',
  packagejson: false,
  plugins: [{
    name: 'public-only',
    packageLinkPhase({ customElementsManifest }) {
      for (const { declarations = [] } of customElementsManifest.modules) {
        for (const each of declarations) {
          each.members = each.members?.filter(({ name, privacy }) => PUBLIC.test(name) && !INNER.has(name) && privacy !== 'private');
        }
      }
    },
  }],
};
