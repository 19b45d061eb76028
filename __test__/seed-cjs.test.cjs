/** The first release's samples, required as CommonJS. */
const { test } = require('node:test')
const durabl = require('durabl')
const { seedScenarios } = require('./seed/scenarios.cjs')

const connect = async (...args) => (await import('./support/mongo.mjs')).connect(...args)

seedScenarios({ durabl, test, connect })
