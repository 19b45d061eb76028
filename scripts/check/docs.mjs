/**
 * Checks that the documents tell the truth: every named file exists, and every link within the repository leads somewhere. Every `npm run`
 * is a script, and every code sample compiles against the public types.
 */
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { capture, root } from '../process.mjs'
import { ownFiles, read } from './files.mjs'

const SAMPLES = 'target/doc-samples'

/** Names that samples may use without declaring them, as their reader has them already. */
const PRELUDE = 'docs/samples.d.ts'

const withoutCode = (text) => text.replaceAll(/^```[\s\S]*?^```/gm, '')

/** The anchors of a page's headings, as code hosts make them. */
const anchorsOf = (text) =>
  new Set(
    [...withoutCode(text).matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
      heading
        .toLowerCase()
        .replaceAll(/\]\([^)]*\)|[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  )

function leadsSomewhere(file, target) {
  const [path, anchor] = target.split('#')
  const page = path === '' ? file : join(dirname(file), path)
  if (!existsSync(join(root, page))) return false
  return anchor === undefined || !page.endsWith('.md') || anchorsOf(read(page)).has(anchor)
}

function brokenLinks(file, text) {
  const targets = [...withoutCode(text).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target)
  return targets
    .filter((target) => !/^(https?:|mailto:)/.test(target) && !leadsSomewhere(file, target))
    .map((target) => `${file}: the link to ${target} leads nowhere`)
}

/** Inline code that looks like a path of the repository: a directory's name before a slash, or a file at the root. */
function missingPaths(file, text, topLevel) {
  const quoted = [...withoutCode(text).matchAll(/`([\w@.*-]+(?:\/[\w@.*-]+)*\/?)`/g)].map(([, path]) => path)
  return quoted
    .filter((path) =>
      path.includes('/')
        ? topLevel.has(path.split('/')[0])
        : /\.(md|mjs|cjs|ts|mts|rs|toml|json)$/.test(path),
    )
    .filter((path) => !path.includes('*'))
    .filter((path) => !existsSync(join(root, path)) && !existsSync(join(root, dirname(file), path)))
    .map((path) => `${file}: there is no ${path}`)
}

function missingScripts(file, text, scripts) {
  const named = [...text.matchAll(/npm run (?:--silent )?([\w:-]+)/g)].map(([, name]) => name)
  return named.filter((name) => !(name in scripts)).map((name) => `${file}: there is no npm script ${name}`)
}

const EXCERPT = /^<!-- excerpt: (\S+) -->\n+```\w+\n([\s\S]*?)^```/gm

/** Lines without their common indentation, and without the empty ones. */
function shape(code) {
  const lines = code.split('\n').filter((line) => line.trim() !== '')
  const indent = Math.min(...lines.map((line) => line.search(/\S/)))
  return lines.map((line) => line.slice(indent))
}

/** Code that a page takes from a program stands in that program, line by line; the program's tests then speak for the page. */
function staleExcerpts(file, text) {
  return [...text.matchAll(EXCERPT)].flatMap(([, source, code]) => {
    if (!existsSync(join(root, source))) return [`${file}: an excerpt names ${source}, which is not there`]
    const wanted = shape(code).join('\n')
    const lines = read(source)
      .split('\n')
      .filter((line) => line.trim() !== '')
    const many = shape(code).length
    const isThere = lines.some((_, at) => shape(lines.slice(at, at + many).join('\n')).join('\n') === wanted)
    return isThere ? [] : [`${file}: ${source} does not have these lines: ${wanted.split('\n')[0]} …`]
  })
}

/** Writes each ```ts block to a file of its own, with its line number in the name. Excerpts are compiled with their programs. */
function extractSamples(file, page) {
  const text = page.replaceAll(EXCERPT, (excerpt) => excerpt.replaceAll(/[^\n]/g, ''))
  return [...text.matchAll(/^```(ts|js)\n([\s\S]*?)^```/gm)].map(({ index, 2: code }) => {
    const line = text.slice(0, index).split('\n').length
    const name = `${file.replaceAll(/[/.]/g, '-')}-line-${line}.mts`
    writeFileSync(join(root, SAMPLES, name), /^(import|export) /m.test(code) ? code : `${code}\nexport {}\n`)
    return name
  })
}

async function checkSamples(files) {
  rmSync(join(root, SAMPLES), { recursive: true, force: true })
  mkdirSync(join(root, SAMPLES), { recursive: true })
  const samples = files.flatMap((file) => extractSamples(file, read(file)))
  if (samples.length === 0) return ['no document has a code sample']
  const compilerOptions = {
    ...{
      target: 'ES2022',
      lib: ['ES2022', 'ESNext.Disposable'],
      module: 'nodenext',
      strict: true,
      noEmit: true,
    },
    ...{ types: ['node'], skipLibCheck: true },
  }
  const config = { compilerOptions, files: [...samples, join(root, PRELUDE)] }
  writeFileSync(join(root, SAMPLES, 'tsconfig.json'), JSON.stringify(config))
  const tsc = ['node_modules/typescript/bin/tsc', '-p', SAMPLES, '--pretty', 'false']
  const { code, output } = await capture(process.execPath, tsc)
  return code === 0 ? [] : output.trim().split('\n')
}

export async function checkDocs() {
  const files = (await ownFiles()).filter((file) => file.endsWith('.md'))
  const topLevel = new Set((await ownFiles()).map((file) => file.split('/')[0]))
  const { scripts } = JSON.parse(read('package.json'))
  const complaints = files.flatMap((file) => {
    const text = read(file)
    return [
      ...brokenLinks(file, text),
      ...missingPaths(file, text, topLevel),
      ...missingScripts(file, text, scripts),
      ...staleExcerpts(file, text),
    ]
  })
  return complaints.concat(await checkSamples(files))
}
