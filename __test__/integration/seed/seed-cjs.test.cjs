/** The first release's samples, required as CommonJS. */
const { test } = require('node:test')
const durabl = require('durabl')
const { seedScenarios } = require('./scenarios.cjs')

async function run() {
  const [{ connect }, { atEnd }] = await Promise.all([
    import('../../support/mongo.mjs'),
    import('../../support/cleanup.mjs'),
  ])
  seedScenarios({ durabl, test, connect, atEnd })
}

void run()
