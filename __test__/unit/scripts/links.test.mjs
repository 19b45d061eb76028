/** Links of pages that are packed lead to the package's own files, or to the repository. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { packedLinks } from '../../../scripts/packages/links.mjs'

const isPacked = (path) => ['README.md', 'docs/guide/start.md'].includes(path)

for (const [name, link, wanted] of [
  ['a packed page', '../guide/start.md#install', '../guide/start.md#install'],
  [
    'a page that stays behind',
    '../design/faults.md#laws',
    'https://example.com/r/blob/main/docs/design/faults.md#laws',
  ],
  ['a picture', '../quickstart.svg', 'https://example.com/r/raw/main/docs/quickstart.svg'],
  ['an address', 'https://example.org/', 'https://example.org/'],
  ['a place on the same page', '#here', '#here'],
])
  test(name, () => {
    const page = packedLinks(`see [it](${link})`, 'docs/how-to/x.md', isPacked, 'https://example.com/r')
    assert.equal(page, `see [it](${wanted})`)
  })
