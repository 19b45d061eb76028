/** The pages of the dashboard in a real Chromium. */
/* global document, window -- functions that the browser evaluates */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { ODD_TYPES, madeUpQueue } from '../../support/made-up-queue.mjs'
import { jobs } from '../../support/jobs.mjs'
import { pollUntil } from '../../support/wait.mjs'
import { executable, launch } from './chromium.mjs'
import { open, serve } from './site.mjs'

const AXE = readFileSync(new URL(import.meta.resolve('axe-core/axe.min.js')), 'utf8')

const failedJob = (queue, type) =>
  [...queue.jobs.values()].find((job) => job.status === 'failed' && (type === undefined || job.type === type))

const PAGES = [
  ['overview', '', 'table.types'],
  ['type', '#/type?type=webhook', '.chart'],
  ['pending jobs', '#/jobs?status=pending', 'table.jobs'],
  ['failed jobs', '#/jobs?status=failed', 'table.jobs'],
  ['job', '#/job?id=ID', '.timeline'],
  ['failures', '#/failures', '.groups'],
  ['schedules', '#/schedules', 'table'],
  ['workers', '#/workers', 'table'],
  ['actions', '#/actions', 'table'],
]

/** More than a request acts on at once. */
const FAILED = 1500

/** Policies that an app sets for all of its answers. */
const POLICIES = [
  ['the strictest policy', "default-src 'none'"],
  [
    'the policy of helmet',
    "default-src 'self';base-uri 'self';font-src 'self' https: data:;form-action 'self';frame-ancestors 'self';img-src 'self' data:;object-src 'none';script-src 'self';script-src-attr 'none';style-src 'self' https: 'unsafe-inline';upgrade-insecure-requests",
  ],
]

// Where there is no Chromium, `chromium.mjs` has said so.
if (executable !== null) {
  describe('in Chromium', () => {
    let browser
    before(async () => {
      browser = await launch()
    })
    after(() => browser?.close())

    for (const [name, hash, selector] of PAGES) {
      for (const theme of ['light', 'dark']) {
        test(`the page “${name}”, ${theme}, is clean for axe and fits every width`, async (t) => {
          const queue = madeUpQueue({ isOdd: true })
          const { url } = await serve(t, { queue })
          const place = `${url}/${hash.replace('ID', failedJob(queue).id)}`
          const { page, troubles } = await open(t, browser.context, place, { theme })
          await page.waitForSelector(selector)
          const evaluated = `${AXE}; axe.run(document, { resultTypes: ['violations'] })`
          const { violations } = await page.evaluate(evaluated)
          const told = violations.map(
            ({ id, nodes }) =>
              `${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).join('\n')}`,
          )
          assert.deepEqual(told, [])
          for (const width of [1440, 1024, 390]) {
            await page.setViewportSize({ width, height: 900 })
            const over = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)
            assert.ok(over <= 0, `at ${width} pixels it is ${over} too wide`)
          }
          const hidden = await page.evaluate(() =>
            [...document.querySelectorAll('.scroll')].map((table) => table.scrollWidth - table.clientWidth),
          )
          assert.ok(
            hidden.every((over) => over <= 0),
            `on a phone ${hidden} pixels of the table are out of sight`,
          )
          assert.deepEqual(troubles, [])
        })
      }
    }

    test('an empty queue says what to do, on every page', async (t) => {
      const { url } = await serve(t, { queue: madeUpQueue({ isEmpty: true }) })
      const { page, troubles } = await open(t, browser.context, url)
      await page.getByRole('heading', { name: 'No jobs yet' }).waitFor()
      for (const [tab, text] of [
        ['Jobs', 'There are no pending jobs that match.'],
        ['Failures', 'No failed jobs.'],
        ['Schedules', 'No schedules'],
        ['Workers', 'No workers'],
      ]) {
        await page.getByRole('link', { name: tab, exact: true }).click()
        await page.getByText(text).first().waitFor()
      }
      assert.deepEqual(troubles, [])
    })

    test('names, reasons and payloads that are HTML are only text', async (t) => {
      const queue = madeUpQueue({ isOdd: true })
      const { url } = await serve(t, { queue })
      const { page, troubles } = await open(t, browser.context, url)
      for (const type of ODD_TYPES) {
        await page.goto(`${url}/#/type?${new URLSearchParams({ type })}`)
        await page.getByRole('heading', { level: 1 }).waitFor()
        await page.goto(`${url}/#/jobs?${new URLSearchParams({ type, status: 'pending' })}`)
        await page.locator('table.jobs tbody tr').first().waitFor()
        await page.locator('table.jobs tbody a.id').first().click()
        await page.locator('.timeline').waitFor()
        assert.match(await page.locator('pre.code').first().innerText(), /<b>bold<\/b>/)
      }
      await page.goto(`${url}/#/failures`)
      await page.locator('.groups .reason', { hasText: '<img src=x onerror=alert' }).waitFor()
      assert.equal(await page.locator('main img, main script, main b').count(), 0)
      assert.deepEqual(troubles, [])
    })

    test('retrying a group asks for its number, and does no other group', async (t) => {
      const queue = madeUpQueue({ failed: 90 })
      const { url } = await serve(t, { queue })
      const { page } = await open(t, browser.context, `${url}/#/failures`)
      const group = page.locator('.groups > li', { hasText: 'Card declined' })
      const number = Number(await group.locator('.count strong').innerText())
      await group.getByRole('button', { name: 'Retry' }).click()
      const dialog = page.getByRole('dialog')
      await dialog.getByText(`${number} jobs match now.`).waitFor()
      const confirm = dialog.getByRole('button', { name: 'Retry' })
      assert.equal(await confirm.isDisabled(), true)
      await dialog.getByRole('textbox').fill(String(number - 1))
      assert.equal(await confirm.isDisabled(), true)
      await dialog.getByRole('textbox').fill(String(number))
      await confirm.click()
      await dialog.getByText(`${number} done.`).waitFor()
      await dialog.getByRole('button', { name: 'Close' }).click()
      await pollUntil('the group is gone', async () => (await group.count()) === 0)
      const failed = [...queue.jobs.values()].filter(({ status }) => status === 'failed')
      assert.equal(failed.length, 90 - number)
      assert.ok(failed.every(({ failReason }) => !failReason.startsWith('Card declined')))
    })

    test('all that match is more than the page shows', async (t) => {
      const queue = madeUpQueue({ failed: 240 })
      const { url } = await serve(t, { queue })
      const { page } = await open(t, browser.context, `${url}/#/jobs?status=failed&type=webhook`)
      await page.locator('table.jobs tbody tr').first().waitFor()
      assert.equal(await page.locator('table.jobs tbody tr').count(), 50)
      const all = [...queue.jobs.values()].filter(
        ({ status, type }) => status === 'failed' && type === 'webhook',
      ).length
      await page.getByRole('button', { name: 'Remove all…' }).click()
      const dialog = page.getByRole('dialog')
      await dialog.getByText(`${all} jobs match now.`).waitFor()
      await dialog.getByRole('textbox').fill(String(all))
      await dialog.getByRole('button', { name: 'Remove' }).click()
      await dialog.getByText(`${all} done.`).waitFor()
      assert.equal(failedJob(queue, 'webhook'), undefined)
      assert.notEqual(failedJob(queue, 'charge-card'), undefined)
    })

    test('“Retry all” is of all that match, also where they are more than one request takes', async (t) => {
      const { queue, collection } = await jobs(t)
      const failedAt = new Date()
      const document = (n) => ({
        ...{ _id: `mail-${n}`, type: n % 10 === 0 ? 'other' : 'mail', data: { n }, status: 'failed' },
        ...{ priority: 0, attempt: 3, maxAttempts: 3, ending: 'exhausted', failReason: 'no route' },
        ...{ createdAt: failedAt, runAt: failedAt, claimedAt: failedAt, failedAt, logs: [] },
      })
      await collection.insertMany(Array.from({ length: FAILED }, (_, n) => document(n)))
      const mails = FAILED - FAILED / 10
      const { url } = await serve(t, { queue })
      const { page } = await open(t, browser.context, `${url}/#/jobs?status=failed&type=mail`)
      await page.getByRole('button', { name: 'Retry all…' }).click()
      const dialog = page.getByRole('dialog')
      const count = new Intl.NumberFormat('en').format(mails)
      await dialog.getByText(`${count} jobs match now.`).waitFor()
      await dialog.getByRole('textbox').fill(String(mails))
      await dialog.getByRole('button', { name: 'Retry' }).click()
      await dialog.getByText(`${count} done.`).waitFor()
      assert.equal(await collection.countDocuments({ status: 'pending', type: 'mail', attempt: 0 }), mails)
      assert.equal(await collection.countDocuments({ status: 'failed' }), FAILED / 10)
    })

    test('chosen jobs are acted on, and no others', async (t) => {
      const queue = madeUpQueue({ failed: 20 })
      const { url } = await serve(t, { queue })
      const { page } = await open(t, browser.context, `${url}/#/jobs?status=failed`)
      const boxes = page.getByRole('checkbox', { name: /^Choose 0/ })
      await boxes.nth(1).check()
      await boxes.nth(3).check()
      await page.getByText('2 chosen').waitFor()
      await page.getByRole('button', { name: 'Retry', exact: true }).click()
      const dialog = page.getByRole('dialog')
      await dialog.getByRole('textbox').fill('2')
      await dialog.getByRole('button', { name: 'Retry' }).click()
      await dialog.getByText('2 done.').waitFor()
      const many = queue.calls.filter(([name]) => name === 'retryMany').at(-1)
      assert.equal(many[1].ids.length, 2)
    })

    test('a job is retried with other data, and its secrets stay', async (t) => {
      const queue = madeUpQueue()
      const job = failedJob(queue)
      const { url } = await serve(t, { queue })
      const { page } = await open(t, browser.context, `${url}/#/job?id=${job.id}`)
      await page.getByRole('button', { name: 'Retry with other data…' }).click()
      const text = page.getByRole('dialog').getByRole('textbox')
      const shown = JSON.parse(await text.inputValue())
      assert.equal(shown.password, '(masked)')
      await text.fill('{ not json')
      await page.getByRole('dialog').getByRole('button', { name: 'Retry' }).click()
      await page.getByRole('dialog').getByText('not EJSON').waitFor()
      await text.fill(JSON.stringify({ ...shown, amount: 1 }))
      await page.getByRole('dialog').getByRole('button', { name: 'Retry' }).click()
      await page.getByText('It is pending again.').waitFor()
      assert.deepEqual(queue.jobs.get(job.id).data, { ...job.data, amount: 1 })
    })

    test('a user who may only read is offered nothing else', async (t) => {
      const queue = madeUpQueue()
      const { url } = await serve(t, { queue, authorize: () => ({ status: 'read' }) })
      const { page } = await open(t, browser.context, url)
      for (const [, hash, selector] of PAGES) {
        await page.goto(`${url}/${hash.replace('ID', failedJob(queue).id)}`)
        await page.locator(selector).first().waitFor()
        const buttons = page
          .locator('main')
          .getByRole('button', { name: /retry|cancel|remove|run now|pause|resume/i })
        assert.equal(await buttons.count(), 0, hash)
        assert.equal(await page.locator('main input[type=checkbox]').count(), 0, hash)
      }
      await page.getByText('read only').waitFor()
    })

    test('due jobs without a worker are no keeping up', async (t) => {
      const queue = madeUpQueue()
      queue.listWorkers = async () => []
      const { url } = await serve(t, { queue })
      const { page } = await open(t, browser.context, url)
      const tile = page.locator('.tile').first()
      await tile.getByText('No worker').waitFor()
      assert.equal(await tile.getAttribute('class'), 'tile bad')
    })

    test('a type is paused with a reason, and goes on', async (t) => {
      const queue = madeUpQueue()
      const { url } = await serve(t, { queue })
      const { page } = await open(t, browser.context, `${url}/#/type?type=webhook`)
      await page.getByRole('button', { name: 'Pause' }).click()
      await page.getByRole('dialog').getByRole('textbox').fill('the partner is down')
      await page.getByRole('dialog').getByRole('button', { name: 'Pause' }).click()
      await page.getByRole('button', { name: 'Resume' }).waitFor()
      assert.deepEqual(queue.calls.find(([name]) => name === 'pause').slice(1), [
        'webhook',
        { reason: 'the partner is down' },
      ])
      await page.getByRole('button', { name: 'Resume' }).click()
      await page.getByRole('button', { name: 'Pause' }).waitFor()
    })

    test('the keyboard reaches everything: a job by its id, a dialog and out of it', async (t) => {
      const queue = madeUpQueue()
      const job = failedJob(queue)
      const { url } = await serve(t, { queue })
      const { page } = await open(t, browser.context, url)
      await page.locator('table.types').waitFor()
      await page.keyboard.press('Tab')
      assert.equal(await page.evaluate(() => document.activeElement.textContent), 'To the content')
      await page.keyboard.press('/')
      await page.keyboard.type(job.id)
      await page.keyboard.press('Enter')
      const remove = page.getByRole('button', { name: 'Remove' })
      await remove.waitFor()
      await remove.focus()
      await page.keyboard.press('Enter')
      await page.getByRole('dialog').waitFor()
      await page.keyboard.press('Escape')
      await page.getByRole('dialog').waitFor({ state: 'detached' })
      assert.equal(await remove.evaluate((button) => button === document.activeElement), true)
      assert.ok(queue.jobs.has(job.id))
    })

    test('times are shown in UTC by one switch, which the browser remembers', async (t) => {
      const queue = madeUpQueue()
      const { url } = await serve(t, { queue })
      const { page } = await open(t, browser.context, `${url}/#/job?id=${failedJob(queue).id}`)
      await page.getByRole('button', { name: 'UTC' }).click()
      const iso = failedJob(queue).createdAt.toISOString().replace('T', ' ')
      await page.locator('.timeline').getByText(iso).first().waitFor()
      await page.reload()
      await page.locator('.timeline').getByText(iso).first().waitFor()
    })

    test('the page reports a server that goes away, keeps its contents, and goes on by itself', async (t) => {
      const { url, down, up } = await serve(t, { queue: madeUpQueue() })
      const { page } = await open(t, browser.context, url)
      await page.locator('table.types').waitFor()
      await down()
      await page.getByText('The server does not answer. What you see is from before.').waitFor()
      assert.equal(await page.locator('table.types').count(), 1)
      await up()
      await page.getByText('The server does not answer').waitFor({ state: 'detached' })
    })

    test('a sign-in that has ended sends the browser to the sign-in page', async (t) => {
      let isIn = true
      const authorize = ({ url }) =>
        isIn || url.includes('signin') ? { status: 'read' } : { status: 'denied', redirect: '/signin' }
      const { url } = await serve(t, { queue: madeUpQueue(), authorize })
      const { page } = await open(t, browser.context, url)
      await page.locator('table.types').waitFor()
      isIn = false
      await page.waitForURL('**/signin')
    })

    test('ten tabs ask the queue as often as one, and are answered with 304 while nothing changes', async (t) => {
      const queue = madeUpQueue({ failed: 5 })
      const { url, requests } = await serve(t, { queue })
      const pages = []
      for (let tab = 0; tab < 10; tab++) pages.push((await open(t, browser.context, url)).page)
      await Promise.all(pages.map((page) => page.locator('table.types').waitFor()))
      const before = { asked: queue.calls.filter(([name]) => name === 'counts').length, requests: requests() }
      const start = performance.now()
      // Hidden tabs would ask for nothing; Chromium takes these ten for visible.
      await pollUntil('each tab has asked thrice', () => requests() - before.requests >= 30)
      const seconds = (performance.now() - start) / 1000
      const asked = queue.calls.filter(([name]) => name === 'counts').length - before.asked
      assert.ok(asked <= Math.ceil(seconds / 2.5) + 1, `${asked} times in ${seconds} s`)
    })

    for (const [name, strip] of [
      ['that keeps the prefix', (url) => url],
      ['that strips the prefix', (url) => url.replace(/^\/team\/jobs/, '') || '/'],
    ]) {
      for (const path of ['/team/jobs', '/team/jobs/']) {
        test(`behind a proxy ${name}, the page works at ${path}`, async (t) => {
          const handler =
            ({ node }) =>
            (request, response) => {
              if (!/^\/team\/jobs\/?(\?|$)/.test(request.url)) return response.writeHead(404).end()
              // Some proxies hand on what follows the prefix without its slash.
              request.url = strip(request.url).replace(/^(?!\/)/, '/')
              return node(request, response)
            }
          const { url } = await serve(t, { queue: madeUpQueue(), handler })
          const { page, troubles } = await open(t, browser.context, url + path)
          await page.locator('table.types').waitFor()
          await page.getByRole('link', { name: 'Failures' }).click()
          await page.locator('.groups').waitFor()
          await page.reload()
          await page.locator('.groups').waitFor()
          assert.deepEqual(troubles, [])
        })
      }
    }

    for (const [name, policy] of POLICIES) {
      test(`under ${name} the page works, and breaks no policy`, async (t) => {
        const handler =
          ({ node }) =>
          (request, response) => {
            response.setHeader('content-security-policy', policy)
            node(request, response)
          }
        const { url } = await serve(t, { queue: madeUpQueue(), handler })
        const { page, troubles } = await open(t, browser.context, url)
        await page.locator('table.types').waitFor()
        for (const tab of ['Jobs', 'Failures', 'Schedules', 'Workers', 'Actions']) {
          await page.getByRole('link', { name: tab, exact: true }).click()
          await page.locator('main table, main .groups').first().waitFor()
        }
        assert.deepEqual(troubles, [])
      })
    }

    test('is usable within two seconds at 150 kB/s and 300 ms', async (t) => {
      const { url } = await serve(t, { queue: madeUpQueue() })
      const page = await browser.context.newPage()
      const session = await browser.context.newCDPSession(page)
      await session.send('Network.enable')
      await session.send('Network.emulateNetworkConditions', {
        ...{ offline: false, latency: 300, downloadThroughput: 150_000, uploadThroughput: 150_000 },
      })
      await page.goto(url)
      await page.locator('table.types a').first().waitFor()
      const took = await page.evaluate(() => performance.now())
      t.diagnostic(`${Math.round(took)} ms`)
      await page.close()
      assert.ok(took < 2000, `${took} ms`)
    })
  })
}
