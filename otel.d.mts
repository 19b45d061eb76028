// Written by scripts/entries.mjs.
export * from './otel.js'
