/** A real browser for the tests of the page; or a loud word that there is none. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chromium } from 'playwright-core'

const PLACES = [
  process.env.DURABL_CHROMIUM,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/opt/google/chrome/chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
]

const ARGS = ['--no-sandbox', '--disable-background-networking', '--disable-dev-shm-usage']

export const executable = PLACES.find((path) => path && existsSync(path)) ?? null

if (executable === null) {
  const message =
    'NO CHROMIUM: the pages of the dashboard are NOT tested. Install it, or name it by DURABL_CHROMIUM.'
  if (process.env.CI) throw new Error(message)
  console.error(`\n${'!'.repeat(message.length)}\n${message}\n${'!'.repeat(message.length)}\n`)
}

/** @returns the `browser`, with a profile of its own, and `close()` */
export async function launch() {
  const profile = mkdtempSync(join(tmpdir(), 'durabl-chromium-'))
  const context = await chromium.launchPersistentContext(profile, {
    ...{ executablePath: executable, args: ARGS, viewport: { width: 1440, height: 900 } },
  })
  return {
    context,
    close: async () => {
      await context.close()
      rmSync(profile, { recursive: true, force: true, maxRetries: 3 })
    },
  }
}
