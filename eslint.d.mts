// Written by scripts/entries.mjs.
export * from './eslint.js'
export { default } from './eslint.js'
