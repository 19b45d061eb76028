/** The first release's samples, required as CommonJS. */
const { test } = require('node:test')
const durabl = require('durabl')
const { seedScenarios } = require('./scenarios.cjs')

async function run() {
  const [{ connect }, { atEnd }, { pollUntil }] = await Promise.all([
    import('../../support/mongo.mjs'),
    import('../../support/cleanup.mjs'),
    import('../../support/wait.mjs'),
  ])
  seedScenarios({ durabl, test, connect, atEnd, pollUntil })
}

void run()
