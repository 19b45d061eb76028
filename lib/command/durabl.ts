#!/usr/bin/env node
/** The command `durabl`: an operator's way to a queue from a shell. */
import { answerOf } from './run'

void answerOf(process.argv.slice(2)).then((code) => {
  process.exitCode = code
})
