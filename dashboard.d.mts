// Written by scripts/entries.mjs.
export * from './dashboard.js'
