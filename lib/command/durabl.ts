#!/usr/bin/env node
/** The command `durabl`: what an operator asks of a queue from a shell. */
import { answerOf } from './run'

void answerOf(process.argv.slice(2)).then((code) => {
  process.exitCode = code
})
