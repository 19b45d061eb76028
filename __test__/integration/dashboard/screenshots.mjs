/**
 * The pictures of docs/guide/dashboard, of a queue that is made up.
 *
 *     node __test__/integration/dashboard/screenshots.mjs
 */
import { join } from 'node:path'
import { root } from '../../support/child.mjs'
import { madeUpQueue } from '../../support/made-up-queue.mjs'
import { launch } from './chromium.mjs'
import { open, serve } from './site.mjs'

const WIDTH = 1280

const queue = madeUpQueue({ failed: 90 })
const failed = [...queue.jobs.values()].find(({ status }) => status === 'failed')

/** [name, theme, height, hash, what is there when it is drawn] */
const PICTURES = [
  ['overview', 'light', 560, '', 'table.types'],
  ['type', 'dark', 680, '#/type?type=webhook', '.groups'],
  ['job', 'dark', 640, `#/job?id=${failed.id}`, '.timeline'],
  ['failures', 'light', 520, '#/failures', '.groups'],
]

const ends = []
const t = { after: (end) => void ends.unshift(end) }
const browser = await launch()
try {
  const { url } = await serve(t, { queue, badge: 'production' })
  for (const [name, theme, height, hash, selector] of PICTURES) {
    const { page } = await open(t, browser.context, `${url}/${hash}`, { width: WIDTH, theme })
    await page.setViewportSize({ width: WIDTH, height })
    await page.locator(selector).first().waitFor()
    await page.screenshot({ path: join(root, `docs/guide/dashboard/${name}-${theme}.png`) })
  }
} finally {
  for (const end of ends) await end()
  await browser.close()
}
