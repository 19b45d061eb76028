/** The examples with a web framework, installed and started as their readers do; `next.test.mjs` has that of Next.js. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request } from 'node:http'
import { test } from 'node:test'
import { connect, testUrl } from '../support/mongo.mjs'
import { letPass } from '../support/time.mjs'
import { project } from './support/project.mjs'

/** A browser asks for a password where the page asks for it; Nest's example takes a token. */
const BASIC = { authorization: `Basic ${btoa('admin:secret')}` }

const signUp = (origin) =>
  fetch(new URL('/signups', origin), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"name":"Ada"}',
  })

/** A request that has arrived, and whose body is still on its way. */
async function slowSignUp(origin) {
  const [begun, rest] = ['{"name":', '"Grace"}']
  const headers = { 'content-type': 'application/json', 'content-length': String(begun.length + rest.length) }
  const asking = request(new URL('/signups', origin), { method: 'POST', headers, agent: false })
  const status = once(asking, 'response').then(([reply]) => reply.resume().statusCode)
  await new Promise((resolve) => asking.write(begun, resolve))
  // Another request on a new connection was answered, so the server has seen this one.
  await fetch(new URL('/nothing', origin), { headers: { connection: 'close' } })
  return { status, finish: () => asking.end(rest) }
}

for (const [framework, program] of [
  ['express', 'app.mjs'],
  ['fastify', 'app.mjs'],
  ['nest', 'dist/main.js'],
]) {
  test(`${framework}: a request makes a job, which runs; the dashboard asks for a token; SIGTERM ends it`, async (t) => {
    const installed = await project(t, `examples/${framework}`)
    if (framework === 'nest') {
      const built = await installed.bin('tsc', ['-p', '.'])
      assert.equal(built.code, 0, built.stdout)
    }
    const { db } = await connect(t)
    const seen = {}
    const { code, stdout, stderr } = await installed.node([program], {
      env: { MONGO_URL: testUrl(), MONGO_DB: db.databaseName, ADMIN_TOKEN: 'secret', PORT: '0' },
      async onLine(line, child) {
        if (line.startsWith('http')) seen.origin = line.replace('[::1]', '127.0.0.1')
        if (line.startsWith('http'))
          seen.signUp = signUp(seen.origin).then(async (reply) => [reply.status, await reply.json()])
        if (line !== 'Welcome, Ada!') return
        const page = new URL('/admin/jobs', seen.origin)
        seen.page = [await fetch(page), await fetch(page, { headers: BASIC })].map(({ status }) => status)
        await seen.signUp
        if (framework !== 'nest') seen.late = await slowSignUp(seen.origin)
        child.kill('SIGTERM')
        await letPass(300, 'the process has begun to end while the request is under way')
        seen.late?.finish()
      },
    })
    const [status, { id }] = await seen.signUp
    assert.deepEqual([status, typeof id], [202, 'string'])
    assert.deepEqual(seen.page, [401, 200])
    assert.equal(await seen.late?.status, framework === 'nest' ? undefined : 202)
    assert.match(stdout, /^Welcome, Ada!$/m)
    // Nest ends by the signal itself once its hooks have run.
    assert.ok(code === 0 || framework === 'nest', `${stdout}\n${stderr}`)
    assert.equal((await db.collection('jobs').findOne({ type: 'welcome-email' })).status, 'completed')
  })
}
