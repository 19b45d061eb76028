// Written by scripts/entries.mjs.
export { openTelemetry } from './dist/otel/index.js'
