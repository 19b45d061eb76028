/** Programs of users compiled against the published types, by the oldest compiler and the newest, with the strictest flags. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { project } from './support/project.mjs'

const COMPILERS = ['typescript', 'typescript-oldest']

for (const [name, app, npm] of [
  ['Mongoose 7, beside mongodb 7', 'mongoose', ['mongoose@7']],
  ['Mongoose 8, beside mongodb 7', 'mongoose', ['mongoose@8']],
  ['Mongoose 9', 'mongoose', ['mongoose@9']],
  ['Nest, by decorators', 'nest', []],
]) {
  test(`an app with ${name} compiles without casts`, async (t) => {
    const installed = await project(t, app, { npm })
    for (const compiler of COMPILERS) {
      const { code, stdout } = await installed.node([`node_modules/${compiler}/bin/tsc`, '-p', '.'])
      assert.equal(code, 0, `${compiler}\n${stdout}`)
    }
  })
}
