/** A Next.js app with `output: 'standalone'`: built, moved away from its node_modules, and served. */
import assert from 'node:assert/strict'
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { atEnd } from '../support/cleanup.mjs'
import { run } from '../support/child.mjs'
import { connect, testUrl } from '../support/mongo.mjs'
import { pollUntil } from '../support/wait.mjs'
import { installProject } from './support/project.mjs'

const ADMIN = { authorization: `Basic ${btoa('admin:secret')}` }
const BUILD_TIMEOUT_MS = 300_000

describe('a Next.js app with standalone output', () => {
  let project
  before(async () => (project = await installProject('examples/next')))
  after(() => project.remove())

  /** The app as it would be copied into an image. */
  async function image(t) {
    const directory = await mkdtemp(join(tmpdir(), 'durabl-image-'))
    atEnd(t, () => rm(directory, { recursive: true, force: true }))
    await cp(join(project.directory, '.next/standalone'), directory, { recursive: true })
    return directory
  }

  /** Has a route make a job, waits until it is completed, and tries the dashboard: page, script, sign-in, action. */
  async function asked(origin) {
    const signup = await fetch(new URL('/signups', origin), { method: 'POST', body: '{"name":"Ada"}' })
    assert.equal(signup.status, 202)
    const { id } = await signup.json()
    const job = await pollUntil('the job is completed', async () => {
      const now = await (await fetch(new URL(`/signups?id=${id}`, origin))).json()
      return now.status === 'completed' && now
    })
    const page = await fetch(new URL('/admin/jobs', origin), { headers: ADMIN })
    assert.match(page.headers.get('content-security-policy'), /^default-src 'none'/)
    assert.match(await page.text(), /src="\?asset=script"/)
    assert.equal((await fetch(new URL('/admin/jobs?asset=script', origin), { headers: ADMIN })).status, 200)
    assert.equal((await fetch(new URL('/admin/jobs', origin))).status, 401)
    const done = await fetch(new URL('/admin/jobs?api=act', origin), {
      method: 'POST',
      headers: { ...ADMIN, 'content-type': 'application/json', 'x-durabl': '1' },
      body: JSON.stringify({ action: 'pause', type: 'mail' }),
    })
    assert.deepEqual(await done.json(), { status: 'paused' })
    return job
  }

  /** The answer of the app, which is asked as soon as it says that it is ready. */
  async function answer(t, directory) {
    const { db } = await connect(t)
    let answered
    const { stdout, stderr } = await run(process.execPath, ['server.js'], {
      cwd: directory,
      env: {
        PORT: '0',
        HOSTNAME: '127.0.0.1',
        NODE_ENV: 'production',
        DURABL_NATIVE_LIBRARY_PATH: '',
        MONGO_URL: testUrl(),
        ADMIN_TOKEN: 'secret',
        MONGO_DB: db.databaseName,
      },
      onLine(line, child) {
        const [, origin] = line.match(/Local:\s+(http:\S+)/) ?? []
        if (!origin) return
        answered = asked(origin)
        answered.finally(() => child.kill()).catch(() => {})
      },
    })
    assert.ok(answered, `it never got ready\n${stdout}\n${stderr}`)
    return { job: await answered, stderr }
  }

  for (const bundler of ['--turbopack', '--webpack']) {
    test(`built by ${bundler.slice(2)}, it has the engine with it and runs jobs`, async (t) => {
      const built = await project.bin('next', ['build', bundler], {
        env: { NEXT_TELEMETRY_DISABLED: '1' },
        timeoutMs: BUILD_TIMEOUT_MS,
      })
      assert.equal(built.code, 0, built.stdout + built.stderr)
      const { job, stderr } = await answer(t, await image(t))
      assert.deepEqual(job.data, { name: 'Ada', at: '1970-01-01T00:00:00.000Z' }, stderr)
      assert.deepEqual(job.log, ['Welcome, Ada!'])
    })
  }
})
