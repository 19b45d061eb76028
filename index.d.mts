// Written by scripts/entries.mjs.
export * from './index.js'
