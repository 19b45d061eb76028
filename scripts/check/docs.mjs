/**
 * What the documents say is there: every file that one names exists, every link within the repository leads somewhere, every
 * `npm run` is a script, and every code sample compiles against the public types.
 */
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { capture, root } from '../process.mjs'
import { ownFiles, read } from './files.mjs'

const SAMPLES = 'target/doc-samples'

/** Names that samples may use without declaring them, as their reader has them already. */
const PRELUDE = 'docs/samples.d.ts'

const withoutCode = (text) => text.replaceAll(/^```[\s\S]*?^```/gm, '')

function brokenLinks(file, text) {
  const targets = [...withoutCode(text).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target)
  const local = targets.filter((target) => !/^(https?:|mailto:|#)/.test(target))
  return local
    .filter((target) => !existsSync(join(root, dirname(file), target.split('#')[0])))
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

/** Writes each ```ts block to a file of its own, with its line number in the name. */
function extractSamples(file, text) {
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
    ]
  })
  return complaints.concat(await checkSamples(files))
}
