/**
 * Complaints that users of other queues have about their dashboards and schedules, each with a test here or elsewhere. The tests of pages
 * and of proxies are in `integration/dashboard`, those of clock changes in `unit/schedule`, those of steering in `conformance`.
 */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { JobQueue, MongoJobQueue, prometheusText } from 'durabl'
import { root, runNode } from '../../support/child.mjs'
import { atEnd } from '../../support/cleanup.mjs'
import { dashboardOf } from '../../support/dashboards.mjs'
import { SILENT, jobs } from '../../support/jobs.mjs'
import { testUrl } from '../../support/mongo.mjs'
import { pollUntil } from '../../support/wait.mjs'

const MEGABYTE = 1024 * 1024
const LARGE = 12
const DAY_MS = 86_400_000

test('payloads of 3 MB freeze no list: it carries none of them, and a page of a job has the first 64 kB', async (t) => {
  const { db, queue, collection } = await jobs(t)
  const ids = []
  for (let n = 0; n < LARGE; n += 1)
    ids.push(await queue.enqueue('large', { n, text: 'x'.repeat(3 * MEGABYTE) }))
  const { get } = dashboardOf(queue)
  await db.command({ profile: 2 })
  const list = await (await get('api=jobs&status=pending&type=large')).text()
  await db.command({ profile: 0 })
  assert.equal(JSON.parse(list).jobs.length, LARGE)
  assert.ok(list.length < LARGE * 1000, `${list.length} characters`)
  const told = await db.collection('system.profile').find({ ns: collection.namespace }).toArray()
  const bytes = told.reduce((sum, { responseLength = 0 }) => sum + responseLength, 0)
  assert.ok(told.length > 0 && bytes < LARGE * 1000, `the server has sent ${bytes} bytes`)
  const page = await (await get(`api=job&id=${ids[0]}`)).text()
  assert.ok(page.length < 100_000, `${page.length} characters`)
  assert.equal(JSON.parse(page).data.isCut, true)
  const whole = JSON.parse(await (await get(`api=job&id=${ids[0]}&whole=1`)).text())
  assert.equal(JSON.parse(whole.data.text).text.length, 3 * MEGABYTE)
})

test('a schedule that has stopped for a week is reported by the page, the command and the metrics', async (t) => {
  const { db, queue, collection } = await jobs(t)
  await queue.schedule('invoices', { cron: '0 6 * * *' }, { type: 'invoices', data: null })
  await queue.schedule('paused', { cron: '0 6 * * *' }, { type: 'invoices', data: null })
  await queue.pauseSchedule('paused')
  const side = db.collection(`${collection.collectionName}.durabl`)
  const stoppedAt = new Date(Date.now() - 7 * DAY_MS)
  await side.updateOne({ _id: 'schedule:invoices' }, { $set: { nextRunAt: stoppedAt } })

  const { warnings } = await (await dashboardOf(queue).get('api=live')).json()
  const overdue = warnings.filter(({ kind }) => kind === 'overdue')
  assert.deepEqual(
    overdue.map(({ subject }) => subject),
    ['invoices'],
  )

  const samples = (await prometheusText(queue)).split('\n')
  const late = samples.find((line) => line.startsWith('durabl_schedule_overdue_seconds{schedule="invoices"}'))
  const seconds = Number(late.split(' ').at(-1))
  assert.ok(Math.abs(seconds - (7 * DAY_MS) / 1000) < 60, late)
  assert.ok(samples.includes('durabl_schedule_overdue_seconds{schedule="paused"} 0'))

  const command = join(root, 'dist/command/durabl.js')
  const env = { DURABL_URI: testUrl(), DURABL_DATABASE: db.databaseName }
  const { stdout } = await runNode([command, 'doctor'], { env })
  assert.ok(
    stdout.includes(`the schedule "invoices" has been overdue since ${stoppedAt.toISOString()}`),
    stdout,
  )
  assert.ok(!stdout.includes('"paused"'), stdout)
})

/** A worker of one type, and the jobs that it has run. */
async function working(t, db) {
  const worker = new JobQueue(new MongoJobQueue({ db, logger: SILENT }), SILENT)
  atEnd(t, () => worker.shutdown(0))
  await worker.startup()
  const ran = []
  worker.process('mail', (job) => void ran.push(job.id))
  return { worker, ran }
}

test('metrics stay when the last worker has gone', async (t) => {
  const { db, queue } = await jobs(t)
  const { worker, ran } = await working(t, db)
  await queue.enqueue('mail', {})
  await pollUntil('a job has run', () => ran.length === 1)
  await pollUntil('its worker is known', async () => (await queue.listWorkers()).length === 1)
  await worker.shutdown(5000)
  await queue.enqueue('mail', {})
  const samples = (await prometheusText(queue)).split('\n')
  for (const sample of [
    'durabl_jobs{type="mail",status="pending"} 1',
    'durabl_workers{type="mail"} 0',
    'durabl_jobs_ended_total{type="mail",ending="completed"} 1',
    'durabl_run_duration_seconds_count{type="mail"} 1',
  ])
    assert.ok(samples.includes(sample), `${sample} is in\n${samples.join('\n')}`)
  assert.ok(samples.some((line) => line.startsWith('durabl_oldest_due_age_seconds{type="mail"} ')))
})

test('each start counts as a wait, also that of a job which its own process hands to an idle processor', async (t) => {
  const { db, queue } = await jobs(t)
  const { worker, ran } = await working(t, db)
  await pollUntil('its worker is known', async () => (await queue.listWorkers()).length === 1)
  for (let n = 1; n <= 5; n += 1) {
    await worker.enqueue('mail', {})
    await pollUntil('it has run', () => ran.length === n)
  }
  await queue.enqueue('mail', {})
  await pollUntil('one that another process has made has run', () => ran.length === 6)
  await worker.shutdown(5000)
  const samples = (await prometheusText(queue)).split('\n')
  for (const name of ['run', 'wait'])
    assert.ok(samples.includes(`durabl_${name}_duration_seconds_count{type="mail"} 6`), samples.join('\n'))
})
