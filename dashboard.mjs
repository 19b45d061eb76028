// Written by scripts/entries.mjs.
export { createDashboard } from './dist/dashboard/index.js'
