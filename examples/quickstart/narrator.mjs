/** Tells what happens to each job, a line at a time: when, which job, what. Colour only where a person watches. */
const { env, stdout } = process
const coloured = env.NO_COLOR ? false : env.FORCE_COLOR ? env.FORCE_COLOR !== '0' : stdout.isTTY === true
const paint = (code) => (text) => (coloured ? `\x1b[${code}m${text}\x1b[0m` : text)

const bold = paint(1)
const dim = paint(2)
const colours = { red: paint(31), green: paint(32), yellow: paint(33), blue: paint(34), cyan: paint(36) }

/** The end of an id is enough to tell a handful of jobs apart. */
const short = (id) => (id ? `…${id.slice(-5)}` : '').padEnd(6)

/** The words for each event of the queue: a verb, its colour, and the details. */
const phrases = {
  claimed: ({ attempt }) => ['started', 'blue', `attempt ${attempt}`],
  completed: ({ durationMs }) => ['completed', 'green', `after ${Math.round(durationMs)} ms`],
  failed: ({ terminal, reason, attempt, maxAttempts }) =>
    terminal
      ? ['failed', 'red', `${reason}; that was attempt ${attempt} of ${maxAttempts}`]
      : ['retrying', 'yellow', `${reason}; ${maxAttempts - attempt} more to go`],
  'fail-fatal': ({ reason }) => ['failed', 'red', `${reason}; no point in trying again`],
  superseded: () => ['superseded', 'yellow', 'a newer job covers its work'],
  'shutdown-released': () => ['released', 'yellow', 'given back, its attempt too'],
}

const isEnd = (event) =>
  ['completed', 'fail-fatal', 'superseded'].includes(event.kind) ||
  (event.kind === 'failed' && event.terminal)

export class Narrator {
  #start = 0
  #ends = new Map()

  /** The first line; the times of the others count from here. */
  begin(line) {
    console.log(line)
    this.#start = performance.now()
  }

  /** A line of the story. */
  tell(type, jobId, word, colour, detail) {
    const time = `${((performance.now() - this.#start) / 1000).toFixed(3)} s`.padStart(9)
    console.log(
      `${dim(time)}  ${type.padEnd(13)} ${dim(short(jobId))}  ${colours[colour](word.padEnd(10))} ${detail}`,
    )
  }

  chapter(title) {
    console.log(`\n${bold(title)}`)
  }

  /** Give this to a queue as its `onJobEvent`. */
  listener = (event) => {
    const phrase = phrases[event.kind]
    if (phrase) this.tell(event.type, event.jobId, ...phrase(event))
    if (isEnd(event)) this.#endOf(event.jobId).resolve()
  }

  /** Resolves once these jobs have ended, however they did. */
  async ended(...jobIds) {
    await Promise.all(jobIds.map((jobId) => this.#endOf(jobId).promise))
  }

  #endOf(jobId) {
    if (!this.#ends.has(jobId)) {
      const end = {}
      end.promise = new Promise((resolve) => (end.resolve = resolve))
      this.#ends.set(jobId, end)
    }
    return this.#ends.get(jobId)
  }
}
