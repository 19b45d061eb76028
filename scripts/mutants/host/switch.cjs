/**
 * Answers the question of the sources which mutant is on, and keeps which of them were asked for. There is one answer a process, however
 * often this file is loaded. A process that a test starts has the mutant of the variable DURABL_MUTANT.
 */
'use strict'
const { mkdirSync, writeFileSync } = require('node:fs')
const { join } = require('node:path')
const { threadId } = require('node:worker_threads')

/** More than there are mutants. */
const MOST = 65_536

globalThis.durablMutants ??= (() => {
  const state = { active: Number(process.env.DURABL_MUTANT ?? 0), asked: new Uint8Array(MOST) }
  const directory = process.env.DURABL_MUTANTS_ASKED
  if (directory && !globalThis.isDurablMutantsHost)
    process.on('exit', () => {
      mkdirSync(directory, { recursive: true })
      writeFileSync(join(directory, `${process.pid}-${threadId}`), state.asked)
    })
  return state
})()

const state = globalThis.durablMutants

module.exports = (id) => {
  state.asked[id] = 1
  return state.active === id
}
