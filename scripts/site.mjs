/**
 * Builds the site from the pages of the repository and the public types, into target/site/html.
 *
 *     npm run site
 *     npm run site -- --serve     and shows it on a port of this machine, until Ctrl-C
 *
 * Its generators are a package of their own, site/, which is installed by this command alone.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { rootManifest } from './packages/manifests.mjs'
import { forwardSignals, root, run } from './process.mjs'
import { Advice, main, say } from './terminal.mjs'

const SITE = join(root, 'site')
const PAGES = join(root, 'target/site/pages')
const ENTRIES = ['index.d.ts', 'dashboard.d.ts', 'otel.d.ts', 'testing.d.ts', 'eslint.d.ts']

/** Fails with the step's name, if it fails. */
async function take(name, command, args, options) {
  say(name)
  const code = await run(command, args, options)
  if (code !== 0) throw new Advice(`${name} failed, with code ${code}.`)
}

const bin = (name) => join(SITE, 'node_modules', name)

await main(async () => {
  forwardSignals()
  if (!existsSync(bin('vitepress'))) {
    await take('installing the generators', 'npm', ['ci', '--prefix', SITE, '--no-audit', '--no-fund'])
  }
  // It is in a package of its own, whose configuration needs it too.
  const { writePages } = await import('../site/pages.mjs')
  await writePages(PAGES, rootManifest().repository.url.replace(/^git\+|\.git$/g, ''))
  const api = ['--plugin', bin('typedoc-plugin-markdown/dist/index.js'), '--out', join(PAGES, 'api')]
  const files = ENTRIES.flatMap((entry) => ['--entryPoints', entry])
  const shape = ['--entryFileName', 'index', '--tsconfig', 'site/tsconfig.json', '--readme', 'none']
  const quiet = ['--hideBreadcrumbs', '--excludePrivate', '--disableSources', '--logLevel', 'Warn']
  await take('the API from the types', process.execPath, [
    ...[bin('typedoc/bin/typedoc'), ...api, ...files, ...shape, ...quiet],
  ])
  const vitepress = bin('vitepress/bin/vitepress.js')
  await take('the pages', process.execPath, [vitepress, 'build', SITE])
  say('the site is in target/site/html')
  return process.argv.includes('--serve') ? run(process.execPath, [vitepress, 'preview', SITE]) : 0
})
