/** Turns the words of a shell into a verb, and its result into an exit code. */
import { parseArgs } from 'node:util'
import { nearest } from '../validate/nearest'
import { CONNECTION, openQueue } from './tools/connect'
import type { Opened } from './tools/connect'
import { Output } from './tools/output'
import { NEGATIVE, SERVER, USAGE, UsageError } from './tools/arguments'
import type { Values } from './tools/arguments'
import type { Verb } from './tools/verb'
import { VERBS } from './verbs'
import { VERSION } from '../base/version'

const COMMON = {
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const

export async function answerOf(words: readonly string[]): Promise<number> {
  const output = new Output(words.includes('--json'))
  try {
    return await answer(words, output)
  } catch (error) {
    if (error instanceof UsageError) {
      output.problem(error.message)
      return USAGE
    }
    output.problem(messageOf(error))
    return isMalformed(error) ? USAGE : SERVER
  }
}

/** `TypeError` and `RangeError` of the queue are about the user's words. */
const isMalformed = (error: unknown) =>
  error instanceof Error && 'code' in error && error.code === 'ERR_DURABL_INVALID_ARGUMENT'

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error))

async function answer(words: readonly string[], output: Output): Promise<number> {
  const [name, ...rest] = verbFirst(words)
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    output.line(usage())
    return name === undefined ? USAGE : 0
  }
  if (name === '--version' || name === '-v') {
    output.line(VERSION)
    return 0
  }
  const verb = VERBS.find((one) => one.name === name)
  if (verb === undefined) throw new UsageError(unknownVerb(name))
  return run(verb, rest, output)
}

/** Options that every verb takes may stand before it. */
function verbFirst(words: readonly string[]): readonly string[] {
  let start = 0
  while (start < words.length) {
    const option = words[start] ?? ''
    if (option === '--json' || /^--(uri|database|collection)=/.test(option)) start += 1
    else if (/^--(uri|database|collection)$/.test(option)) start += 2
    else break
  }
  const [verb, ...rest] = words.slice(start)
  return verb === undefined ? words : [verb, ...rest, ...words.slice(0, start)]
}

function unknownVerb(name: string): string {
  if (name.startsWith('-')) return `The verb comes first: durabl VERB ${name} …`
  const names = VERBS.map((verb) => verb.name)
  const meant = nearest(name, names)
  return `There is no verb ${JSON.stringify(name)}; ${meant === null ? `there are ${names.join(', ')}` : `did you mean ${meant}?`}`
}

async function run(verb: Verb, words: readonly string[], output: Output): Promise<number> {
  const { values, positionals } = parsed(verb, words)
  if (values.help === true) {
    output.line(usageOf(verb))
    return 0
  }
  verb.check?.(values, positionals)
  const opened = openQueue(values)
  const stop = new AbortController()
  const interrupted = () => stop.abort()
  process.once('SIGINT', interrupted).once('SIGTERM', interrupted)
  // The reader has gone, as after `| head`.
  process.stdout.on('error', interrupted)
  try {
    return await verb.run({ values, positionals, output, ...(await connected(opened)), signal: stop.signal })
  } finally {
    process.off('SIGINT', interrupted).off('SIGTERM', interrupted)
    await opened.close()
  }
}

async function connected(opened: Opened): Promise<Opened> {
  await opened.client.connect()
  return opened
}

function parsed(verb: Verb, words: readonly string[]): { values: Values; positionals: string[] } {
  const options = { ...CONNECTION, ...COMMON, ...verb.options }
  try {
    const { values, positionals } = parseArgs({
      args: [...words],
      options,
      allowPositionals: true,
      strict: true,
    })
    return { values: values, positionals }
  } catch (error) {
    const meant = /^Unknown option '-*([^']*)'/.exec((error as Error).message)?.[1]
    const near = meant === undefined ? null : nearest(meant, Object.keys(options))
    const message = (error as Error).message.split('. To specify')[0] ?? ''
    throw new UsageError(`${message}${near === null ? '' : `; did you mean --${near}?`}`)
  }
}

function usage(): string {
  const rows = VERBS.map(({ usage: text, summary }) => `  ${text.padEnd(66)} ${summary}`)
  return `durabl ${VERSION}: the job queue of a MongoDB, from a shell

${rows.join('\n')}

Connection:  --uri or DURABL_URI or MONGO_URL; --database, or that of the uri; --collection, default jobs
Everywhere:  --json (data on stdout, words on stderr), --help
Exit codes:  0 good, ${NEGATIVE} a negative answer, ${USAGE} usage, ${SERVER} server`
}

function usageOf({ usage: text, summary, details = '', options = {} }: Verb): string {
  const own = Object.keys(options).map((name) => `--${name}`)
  const known = [...own, ...Object.keys({ ...CONNECTION, ...COMMON }).map((name) => `--${name}`)]
  return `Usage: durabl ${text}\n\n${summary}.${details && `\n\n${details}`}\n\nOptions: ${known.join(', ')}`
}
