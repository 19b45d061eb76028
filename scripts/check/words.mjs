/**
 * Checks names and pages against the glossary, CONTEXT.md: none uses a word of its last column in place of the proper word.
 *
 * Many of those words are plain English as well, or mean something else here. Such a use is listed below, with its meaning.
 */
import { ownFiles, read } from './files.mjs'

/** Words that names in the code may use, and what they mean there. */
const IN_NAMES = {
  batch: 'things that travel in one command or call',
  check: 'the check of an argument, an option or a server',
  connection: "a connection to the server, and the settings of the engine's",
  context: 'the `ctx` of a handler',
  delay: 'the delay of an enqueue, and the length of a back-off',
  duplicate: 'a second processor for one type, in an error code',
  finish: 'the end of runs, as the driver hands it to the engine',
  final: 'a keyword of languages',
  'keep alive': 'the process, not a lease',
  limit: 'a bound that a server or a driver sets',
  lock: 'a mutex',
  loop: 'the claim loop of the script engine',
  message: "an error's, or a line of a log",
  mode: "a write concern's",
  native: 'the types that cross the border',
  node: 'Node.js',
  open: 'to open an engine, a stream or a collection; in memory, jobs that have not ended',
  owner: 'of schedules: the part of an app that names them in its list',
  outcome: 'how a handler, or one job of many, ended',
  pause: 'the wait between two tries of an operation',
  replaced: 'a primary, or an index of an older version',
  resolve: 'of a host name or a promise',
  result: 'the reply to a call',
  run: 'a managed run, and what a task runs',
  scan: 'the look through a payload',
  state: 'of a process, a stream, or a state machine',
  store: 'the room of round trips',
  subscription: 'of a listener to events',
  task: "one of the engine's background tasks",
  tick: 'one turn of a timer',
  try: 'one try of an operation',
}

/** Words that pages may use, where they are no names. These read as plain English; the rest is refused. */
const IN_PAGES = new Set([
  ...Object.keys(IN_NAMES),
  ...['body', 'debounce', 'done', 'final', 'guard', 'merge', 'owner', 'ownership', 'ready', 'thread'],
  ...[
    'bridge',
    'buffer',
    'clean up',
    'core',
    'flush',
    'prepare',
    'runner',
    'successor',
    'touch',
    'topic',
    'args',
  ],
  ...['barrier', 'permit', 'reserve', 'fetch', 'verify', 'realtime', 'notification'],
])

/** Pages that speak of other packages in their own words, or of the past. */
const OTHER_WORDS = /^(CHANGELOG|CONTEXT|docs\/how-to\/migrating.*)\.md$|^docs\/how-to\/migrating\//

/** The words to avoid, each with the word to use instead. */
export function avoided(glossary) {
  const rows = glossary.split('\n').filter((line) => line.startsWith('| **'))
  return rows.flatMap((row) => {
    const [word, , column = ''] = row.split('|').slice(1, -1)
    const words = column.replaceAll(/\([^)]*\)/g, '').split(',')
    const names = words.map((name) => name.replaceAll(/[`*]/g, '').trim()).filter((name) => name !== '')
    return names.map((name) => ({
      avoid: name.replaceAll('-', ' '),
      use: word.replaceAll(/[*`]/g, '').trim(),
    }))
  })
}

/** `batchHeartbeat`, `take_batch` and `NativeBatch` as words between blanks. */
function wordsOf(name) {
  const spaced = name.replaceAll(/([a-z0-9])([A-Z])/g, '$1 $2').replaceAll(/([A-Z]+)([A-Z][a-z])/g, '$1 $2')
  return ` ${spaced.toLowerCase().replaceAll('_', ' ').trim()} `
}

const DECLARATION = /\b(?:class|interface|type|function|fn|struct|enum|trait|mod)\s+([A-Za-z_]\w*)/g

/** Complaints about the names that a source file declares. */
export function inNames(file, text, words) {
  const code = text.replaceAll(/^\s*(\/\/|\*|\/\*).*$/gm, '')
  const names = [...code.matchAll(DECLARATION)].map(([, name]) => name)
  return names.flatMap((name) =>
    words
      .filter(({ avoid }) => !(avoid in IN_NAMES) && wordsOf(name).includes(` ${avoid} `))
      .map(({ avoid, use }) => `${file}: ${name} says “${avoid}”; the word is “${use}”`),
  )
}

/** Complaints about a page. */
export function inPage(file, text, words) {
  const prose = text
    .replaceAll(/```[\s\S]*?```/g, '')
    .replaceAll(/`[^`]*`/g, '')
    .toLowerCase()
  return words
    .filter(
      ({ avoid }) =>
        !IN_PAGES.has(avoid) && new RegExp(`\\b${avoid.replaceAll(' ', '[ -]')}s?\\b`).test(prose),
    )
    .map(({ avoid, use }) => `${file} says “${avoid}”; the word is “${use}”`)
}

export async function checkWords() {
  const words = avoided(read('CONTEXT.md'))
  const files = await ownFiles()
  const sources = files.filter((file) => /^(lib|src|engine\/src)\/.*\.(ts|rs)$/.test(file))
  const pages = files.filter((file) => /\.md$/.test(file) && !OTHER_WORDS.test(file))
  return [
    ...sources.flatMap((file) => inNames(file, read(file), words)),
    ...pages.flatMap((file) => inPage(file, read(file), words)),
  ]
}
