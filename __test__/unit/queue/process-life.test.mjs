import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { it } from 'node:test'
import { runNode } from '../../support/child.mjs'

const PRELUDE = `
  import { DummyBackend, ImmediateBackend, JobQueue } from 'durabl'
  const backend = new DummyBackend()
  const queue = new JobQueue(backend)
  const never = () => new Promise(() => {})
`

/** Runs a script in a Node process of its own. Resolves when it has ended by itself. */
async function run(script) {
  const child = start(script)
  // Later than its end, but not before all that it said has been read.
  const [code, signal] = await once(child, 'close')
  return { code, signal, output: child.output() }
}

/** As {@link run}, for a process that may not end by itself: it is killed after a while. */
async function runBounded(script) {
  const { stdout, stderr, ...end } = await runNode(['--input-type=module', '--eval', PRELUDE + script])
  return { ...end, output: stdout + stderr }
}

function start(script) {
  const args = ['--input-type=module', '--eval', PRELUDE + script]
  const child = spawn(process.execPath, args, {
    cwd: new URL('.', import.meta.url),
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk))
  return Object.assign(child, { output: () => output })
}

it('a queue without processors does not hold the process', async () => {
  const { code, output } = await run(`
    await queue.enqueue('work', {})
    await queue.startReaper()
    await new JobQueue(new ImmediateBackend()).claimOrEnqueue('work', {})
  `)
  assert.equal(code, 0, output)
})

it('a processor holds the process, also while its backend never answers, until the shutdown', async () => {
  const { code, output } = await run(`
    backend.claimNext = never
    const holders = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
    const before = holders()
    queue.process('work', () => {})
    const during = holders()
    await queue.shutdown(0)
    if (before !== 0 || during !== 1 || holders() !== 0) throw new Error([before, during, holders()].join())
  `)
  assert.equal(code, 0, output)
})

it('a job that is run by its handle holds the process until it has ended, and no longer', async () => {
  const { code, output, timedOut } = await runBounded(`
    const handles = await Promise.all([1, 2].map((n) => queue.claimOrEnqueue('work', n)))
    const ran = handles.map((handle) =>
      // A timer that holds no process by itself.
      queue.runClaimed(handle, ({ data }) => new Promise((resolve) => setTimeout(resolve, data * 50).unref())),
    )
    await Promise.all(ran)
    console.log(backend.jobs.map(({ status }) => status).join())
  `)
  assert.deepEqual([code, timedOut], [0, false], output)
  assert.match(output, /completed,completed/)
})

it('a processor holds the process after a job was run by its handle', async () => {
  const { code, output, timedOut } = await runBounded(`
    queue.process('work', () => {})
    await queue.runClaimed(await queue.claimOrEnqueue('other', {}), () => {})
    await new Promise((resolve) => setTimeout(resolve, 100).unref())
    await queue.shutdown()
    console.log('down')
  `)
  assert.deepEqual([code, timedOut], [0, false], output)
  assert.match(output, /down/)
})

it('after the shutdown nothing does', async () => {
  const { code, output } = await run(`
    await queue.enqueue('stuck', {})
    queue.process('work', () => {}, { pollInterval: 60_000 })
    await queue.enqueue('work', {}, { delay: 60_000 })
    queue.process('stuck', never, { timeoutMs: 60_000 })
    await queue.startReaper()
    await new Promise((resolve) => setTimeout(resolve, 10))
    await queue.shutdown(10)
  `)
  assert.equal(code, 0, output)
})

it('after the shutdown nothing does, whatever the backend leaves open', async () => {
  const { code, output } = await run(`
    await queue.enqueue('work', {})
    for (const name of ['complete', 'fail', 'release', 'heartbeat', 'shutdown']) backend[name] = never
    queue.process('work', () => {})
    await queue.shutdown(10)
    console.log('down')
  `)
  assert.equal(code, 0, output)
  assert.match(output, /down/)
})

it('a signal lets the process end by itself', async () => {
  const child = start(`
    queue.installSignalHandlers({ timeoutMs: 1000 })
    queue.process('work', () => {})
    console.log('ready')
  `)
  await once(child.stdout, 'data')
  child.kill('SIGTERM')
  const [code, signal] = await once(child, 'close')
  assert.deepEqual([code, signal], [0, null], child.output())
})

it('the in-memory backends load neither the addon nor mongodb', async () => {
  const { code, output } = await run(`
    import { createRequire } from 'node:module'
    queue.process('work', () => {})
    await queue.enqueue('work', {})
    await queue.shutdown()
    const loaded = Object.keys(createRequire(import.meta.url).cache)
    const heavy = loaded.filter((path) => path.endsWith('.node') || path.includes('/node_modules/mongodb/'))
    if (loaded.length === 0 || heavy.length > 0) throw new Error('loaded: ' + heavy.join(', '))
  `)
  assert.equal(code, 0, output)
})
