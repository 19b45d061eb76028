/** The dashboard of the packed package in each web framework, mounted as the documents say; `next.test.mjs` has Next.js. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { after, before, describe, test } from 'node:test'
import { installProject } from './support/project.mjs'

const NAMES = [
  ...['node:http', 'Express 4', 'Express 5', 'Fastify', 'Koa', 'Hono', 'Nest'],
  ...['a proxy that keeps the prefix', 'a proxy that strips the prefix'],
]
const ADA = { 'x-user': 'ada' }

const act = (url, headers = {}) =>
  fetch(`${url}?api=act`, {
    method: 'POST',
    headers: { ...ADA, 'content-type': 'application/json', 'x-durabl': '1', ...headers },
    body: JSON.stringify({ action: 'pause', type: 'mail', reason: 'ü' }),
  })

describe('the dashboard', () => {
  let project, server, urls
  before(async () => {
    project = await installProject('frameworks')
    server = spawn(process.execPath, ['serve.js'], {
      cwd: project.directory,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const ended = once(server, 'exit').then(() => assert.fail('the apps did not start'))
    const [line] = await Promise.race([once(createInterface(server.stdout), 'line'), ended])
    ended.catch(() => {})
    urls = JSON.parse(line)
  })
  after(async () => {
    if (server?.exitCode === null) {
      const over = once(server, 'exit')
      server.kill()
      await over
    }
    await project?.remove()
  })

  test('is in every app', () => assert.deepEqual(Object.keys(urls), NAMES))

  for (const name of NAMES) {
    test(`${name}: the page, its files and its numbers come, under a policy of their own`, async () => {
      const page = await fetch(urls[name], { headers: ADA })
      assert.equal(page.status, 200)
      assert.match(page.headers.get('content-type'), /^text\/html/)
      const policy = page.headers.get('content-security-policy')
      assert.match(policy, /^default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'/)
      const addresses = [...(await page.text()).matchAll(/(?:href|src)="(\?[^"]+)"/g)].map(([, to]) => to)
      assert.deepEqual(addresses.toSorted(), ['?asset=script', '?asset=style'])
      for (const address of addresses) {
        // As a browser does from the address of the page.
        const file = await fetch(new URL(address, urls[name]), { headers: ADA })
        assert.equal(file.status, 200, address)
        assert.ok((await file.text()).length > 1000, address)
      }
      const live = await (await fetch(`${urls[name]}?api=live`, { headers: ADA })).json()
      assert.deepEqual(
        live.types.map(({ type }) => type),
        ['mail'],
      )
      const metrics = await fetch(`${urls[name]}?api=metrics`, { headers: ADA })
      assert.match(await metrics.text(), /^durabl_jobs\{type="mail",status="pending"\} 1$/m)
    })

    test(`${name}: an action is done, and refused from another site or without the right`, async () => {
      const done = await act(urls[name])
      assert.equal(done.status, 200, await done.clone().text())
      assert.match((await done.json()).status, /^(paused|unchanged)$/)
      assert.equal((await act(urls[name], { origin: 'https://evil.example.com' })).status, 403)
      assert.equal((await act(urls[name], { 'x-user': 'eve' })).status, 403)
      for (const query of ['', '?asset=script', '?api=live', '?api=metrics'])
        assert.equal((await fetch(urls[name] + query)).status, 403, query)
    })
  }

  for (const name of NAMES.slice(0, 7)) {
    test(`${name}: other paths stay the app’s`, async () => {
      for (const path of ['/', '/admin', '/admin/jobs-of-others'])
        assert.equal(await (await fetch(new URL(path, urls[name]))).text(), 'of the app', path)
    })
  }

  for (const name of ['node:http', 'Express 4', 'Express 5', 'Nest']) {
    test(`${name}: metrics have a path of their own, and a slash at the end does no harm`, async () => {
      assert.equal((await fetch(`${urls[name]}/`, { headers: ADA })).status, 200)
      const metrics = await fetch(`${urls[name]}/metrics`, { headers: ADA })
      assert.match(await metrics.text(), /^durabl_workers\{type="mail"\} 0$/m)
      assert.equal((await fetch(`${urls[name]}/metrics`)).status, 403)
    })
  }
})
