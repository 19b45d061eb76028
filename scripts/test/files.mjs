/**
 * Runs test files by Node's own runner, in the order in which they are named; `node --test` sorts them.
 *
 *     node scripts/test/files.mjs '{ "files": […], "concurrency": 2, "timeout": 900000, "names": [], "report": "report.tap" }'
 */
import { createWriteStream } from 'node:fs'
import { run } from 'node:test'
import { spec, tap } from 'node:test/reporters'

const { files, concurrency, timeout, names, report } = JSON.parse(process.argv[2])
const filter = names.length > 0 ? { testNamePatterns: names.map((name) => new RegExp(name)) } : {}
const results = run({ files, concurrency, timeout, ...filter })
results.on('test:fail', () => void (process.exitCode = 1))
results.compose(new spec()).pipe(process.stdout)
results.compose(tap).pipe(createWriteStream(report))
