/** The pages of the site, copied from those of the repository: the same text, with links that fit. */
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'
import { ownFiles } from '../scripts/check/files.mjs'
import { packedLinks } from '../scripts/packages/links.mjs'
import { root } from '../scripts/process.mjs'

const AT_ROOT = [
  'README.md',
  'ARCHITECTURE.md',
  'CHANGELOG.md',
  'CONTEXT.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
]

const isPage = (file) => file.endsWith('.md') && (AT_ROOT.includes(file) || file.startsWith('docs/'))
const isPicture = (file) => /^docs\/.*\.(svg|png)$/.test(file)

/** A page's text as VitePress takes it: without the notes for the gate, and with the README as the first page. */
function prepared(file, text) {
  const toReadme = posix.relative(posix.dirname(file), 'README.md')
  return text
    .replaceAll(/^<!-- excerpt: .* -->\n/gm, '')
    .replaceAll(`](${toReadme}`, `](${toReadme.replace('README', 'index')}`)
}

/** Writes the pages and pictures into a directory, which is emptied first. */
export async function writePages(directory, repository) {
  const files = await ownFiles()
  const known = new Set(files.filter((file) => isPage(file) || isPicture(file)))
  rmSync(directory, { recursive: true, force: true })
  for (const file of known) {
    const target = join(directory, file === 'README.md' ? 'index.md' : file)
    mkdirSync(dirname(target), { recursive: true })
    if (isPicture(file)) cpSync(join(root, file), target)
    else {
      const text = readFileSync(join(root, file), 'utf8')
      const linked = packedLinks(text, file, (path) => known.has(path), repository)
      writeFileSync(target, prepared(file, linked))
    }
  }
}

/** The shelves of `docs/README.md` and their pages, as VitePress takes them for its side bar. */
export function shelves() {
  const index = readFileSync(join(root, 'docs/README.md'), 'utf8')
  return index
    .split(/^\*\*/m)
    .slice(1)
    .map((shelf) => ({
      text: shelf.slice(0, shelf.indexOf('**')),
      collapsed: false,
      items: [...shelf.matchAll(/\[([^\]]+)\]\(([^)]+)\)/g)].map(([, text, to]) => ({
        text,
        link: new URL(to, 'file:///docs/').pathname.replace(/\.md$/, ''),
      })),
    }))
}
