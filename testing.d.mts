// Written by scripts/entries.mjs.
export * from './testing.js'
