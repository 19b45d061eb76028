/**
 * The `mongodb` package of the checkout, not a copy that came with another queue. durabl works with its app's copy, and an app that has two
 * would load the second one in the middle of its first job.
 */
import { createRequire } from 'node:module'

const require = createRequire(new URL('../package.json', import.meta.url))

export const { MongoClient } = require('mongodb')
export const { version } = require('mongodb/package.json')
