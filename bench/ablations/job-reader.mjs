/**
 * The worth of `lib/mongo/bson/job-reader.ts`: processor time for reading claimed jobs, with it and by the BSON library alone.
 * Both sides take turns in one process.
 *
 *     node bench/ablations/job-reader.mjs
 */
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { root } from '../../scripts/process.mjs'
import { median } from '../statistics.mjs'

const require = createRequire(join(root, 'package.json'))
const { BSON } = require('mongodb')
const { decodeJob, decodeJobs } = require(join(root, 'dist/mongo/bson/job-document.js'))

const JOBS = 100
const PASSES = 400
const ROUNDS = 15

const job = (n) => ({
  ...{ _id: `0192f1a0-0000-7000-8000-0000000${10_000 + n}`, type: 'work', data: { n }, status: 'active' },
  ...{ priority: 0, attempt: 1, maxAttempts: 3, runAt: new Date(), createdAt: new Date() },
  ...{ claimToken: 'w1.0123456789abcdef01', claimedAt: new Date() },
})

const codec = { bson: BSON, reading: undefined }
const documents = Buffer.concat(Array.from({ length: JOBS }, (_, n) => BSON.serialize(job(n))))

function byLibrary() {
  for (let start = 0; start < documents.length;) {
    const end = start + documents.readInt32LE(start)
    decodeJob(documents.subarray(start, end), codec)
    start = end
  }
}
const byReader = () => decodeJobs(documents, JOBS, codec)

/** Microseconds of processor time per job. */
function cost(read) {
  const before = process.cpuUsage()
  for (let pass = 0; pass < PASSES; pass += 1) read()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / (PASSES * JOBS)
}

const costs = { byLibrary: [], byReader: [] }
// The first rounds warm the compiler up.
for (let round = -5; round < ROUNDS; round += 1) {
  const [library, reader] = [cost(byLibrary), cost(byReader)]
  if (round < 0) continue
  costs.byLibrary.push(library)
  costs.byReader.push(reader)
}
const [library, reader] = [median(costs.byLibrary), median(costs.byReader)]
console.log(`µs per job: ${library.toFixed(2)} by the library, ${reader.toFixed(2)} by the reader`)
