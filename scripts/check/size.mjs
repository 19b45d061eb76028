/** No file grows past what a reader takes in: one that nears the limit is two files. */
import { ownFiles, read } from './files.mjs'

const MOST_LINES = 400

/** Longer on purpose, and why. */
const ALLOWED = {
  'lib/dashboard/assets.ts': 'generated',
  'lib/dashboard/page/style.css': 'one file, so that the page has one request for it',
  'lib/mongo/native/addon.ts': 'generated',
  'package-lock.json': 'generated',
  'bench/package-lock.json': 'generated',
  'site/package-lock.json': 'generated',
  'bench/micro/Cargo.lock': 'generated',
  'Cargo.lock': 'generated',
}

export async function checkSize() {
  const files = (await ownFiles()).filter((file) => !(file in ALLOWED))
  return files.flatMap((file) => {
    const lines = read(file).split('\n').length - 1
    return lines > MOST_LINES ? [`${file} has ${lines} lines; ${MOST_LINES} is the limit`] : []
  })
}
