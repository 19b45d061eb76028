// Written by scripts/entries.mjs.
import built from './dist/eslint/index.js'
export { configs, meta, noNondeterministicControlPath, rules } from './dist/eslint/index.js'
export default built.default
