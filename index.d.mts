// Written by scripts/esm-entry.mjs.
export * from './index.js'
