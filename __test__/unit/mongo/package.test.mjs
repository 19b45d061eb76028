/** Which copy of the `mongodb` package made the app's `Db`. */
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { packageOf } from '../../../dist/mongo/bson/package.js'
import { atEnd } from '../../support/cleanup.mjs'

const require = createRequire(import.meta.url)

test('a Db of the old copy that Mongoose 7 brings along is named, not the copy that the app has installed', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'durabl-copy-'))
  atEnd(t, () => rm(directory, { recursive: true, force: true }))
  const file = join(directory, 'mongodb/lib/index.js')
  await mkdir(join(directory, 'mongodb/lib'), { recursive: true })
  await writeFile(
    file,
    `class ObjectId {}
     ObjectId.prototype[Symbol.for('@@mdb.bson.version')] = 5
     module.exports = { BSON: { serialize() {} }, MongoClient: class MongoClient {}, ObjectId }`,
  )
  const { MongoClient } = require(file)
  assert.throws(
    () => packageOf({ client: new MongoClient() }),
    (error) => {
      assert.equal(error.code, 'ERR_DURABL_DRIVER_MISSING')
      assert.match(error.message, /Mongoose 7/)
      assert.match(error.message, /version 5/)
      assert.doesNotMatch(error.message, /installed/)
      return true
    },
  )
})
