/**
 * Bundles the page of the dashboard, `lib/dashboard/page/`, as two strings in one module. So users install nothing for it, and no bundler
 * can lose its files.
 *
 *     node scripts/dashboard-page.mjs      writes the module anew
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { gzipSync } from 'node:zlib'
import { read } from './check/files.mjs'
import { capture, root } from './process.mjs'

const MODULE = 'lib/dashboard/assets.ts'
const PAGE = 'lib/dashboard/page'

/** Of the script and the style together, compressed. */
const MOST_BYTES = 30_000

/** The first browsers that know `light-dark()`, which the style needs: of spring 2024. */
const TARGET = ['chrome123', 'firefox121', 'safari17.5']

async function bundled(entry) {
  const { build } = await import('esbuild')
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: [entry],
    ...{ bundle: true, minify: true, write: false, format: 'iife', charset: 'utf8', legalComments: 'none' },
    ...{ jsx: 'automatic', jsxImportSource: 'preact', target: TARGET, logLevel: 'silent' },
  })
  return outputFiles[0].text.trim()
}

/** A string of the source, in single quotes. */
const literal = (text) =>
  `'${JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'")}'`

async function made() {
  const script = await bundled(`${PAGE}/app.tsx`)
  const style = await bundled(`${PAGE}/style.css`)
  const text = [
    '/** The page of the dashboard. Written by scripts/dashboard-page.mjs. */',
    `export const SCRIPT =\n  ${literal(script)}`,
    `export const STYLE =\n  ${literal(style)}`,
  ].join('\n\n')
  return { text: `${text}\n`, bytes: gzipSync(script).length + gzipSync(style).length }
}

export async function checkPage() {
  const { code, output } = await capture(process.execPath, ['node_modules/typescript/bin/tsc', '-p', PAGE])
  const { text, bytes } = await made()
  return [
    ...(code === 0 ? [] : [output.trim()]),
    ...(text === read(MODULE) ? [] : [`${MODULE} is not current: run node scripts/dashboard-page.mjs`]),
    ...(bytes <= MOST_BYTES ? [] : [`the page has ${bytes} bytes, compressed; ${MOST_BYTES} is the limit`]),
  ]
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { text, bytes } = await made()
  writeFileSync(join(root, MODULE), text)
  console.log(`${MODULE}: ${bytes} bytes of script and style, compressed`)
}
