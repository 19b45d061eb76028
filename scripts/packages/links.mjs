/** Links of packed pages: within the package they stay; all else leads to the repository, as its files are not there. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'

const PICTURE = /\.(svg|png)$/

/**
 * @param page the page's text
 * @param path where it stands in the package
 * @param isPacked whether the package has a path
 * @param repository the address of the repository
 */
export function packedLinks(page, path, isPacked, repository) {
  return page.replaceAll(/\]\(([^)\s]+)\)/g, (link, target) => {
    if (/^(https?:|mailto:|#)/.test(target)) return link
    const [file, anchor] = target.split('#')
    const from = posix.normalize(posix.join(dirname(path), file))
    if (isPacked(from)) return link
    const address = `${repository}/${PICTURE.test(from) ? 'raw' : 'blob'}/main/${from}`
    return `](${address}${anchor === undefined ? '' : `#${anchor}`})`
  })
}

/** Rewrites the pages of a package that lies unpacked in a directory. */
export function rewriteLinks(directory, repository) {
  const pages = readdirSync(directory, { recursive: true })
    .map((name) => name.replaceAll('\\', '/'))
    .filter((name) => name.endsWith('.md'))
  for (const page of pages) {
    const file = join(directory, page)
    const isPacked = (path) => existsSync(join(directory, path))
    writeFileSync(file, packedLinks(readFileSync(file, 'utf8'), page, isPacked, repository))
  }
}
