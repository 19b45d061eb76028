/** A document as the engine frames it: its length, then (here) JSON instead of BSON. */
export function encode(job) {
  const body = Buffer.from(JSON.stringify(job))
  const document = Buffer.alloc(body.length + 4)
  document.writeInt32LE(document.length)
  body.copy(document, 4)
  return document
}

function decodeJob(document) {
  return JSON.parse(Buffer.from(document).subarray(4).toString())
}

function decodeJobs(documents, count) {
  const jobs = []
  for (let offset = 0; jobs.length < count; offset += documents.readInt32LE(offset)) {
    jobs.push(decodeJob(documents.subarray(offset, offset + documents.readInt32LE(offset))))
  }
  return jobs
}

const SETTLED = {
  complete: 'completed',
  fail: 'retry-scheduled',
  failFatal: 'failed-terminal',
  release: 'released',
}

/** The native engine as the driver sees it: records what it is told, and says what a test wants it to. */
export class FakeEngine {
  processors = []
  /** One entry per call of `finish`. */
  batches = []
  /** The fate of each slot, in order: a run id for each time that one was reported as free. */
  freed = []
  /** Details that came with verdicts, by run. */
  details = new Map()
  /** The number of calls of `finish`. */
  calls = 0
  /** False: the engine has been shut down. */
  isOpen = true
  quiesced = []
  recoveries = []
  /** Runs that no handler may be started for. */
  gone = new Set()
  /** Whether verdicts are answered by themselves, in the next turn of the event loop. */
  answers = true
  #listeners = new Set()
  #runs = 0

  native = {
    process: (processor) => this.processors.push(processor) - 1,
    finish: (completed, elapsedMs, others, freed) => {
      if (!this.isOpen) return false
      this.calls += 1
      const verdict = (runId, index) => ({
        runId,
        kind: 'complete',
        reason: null,
        freesSlot: true,
        elapsedMs: elapsedMs[index],
      })
      const plain = others.map(({ details, ...rest }) => {
        this.details.set(rest.runId, details)
        return rest
      })
      const verdicts = [...Array.from(completed, verdict), ...plain].sort((a, b) => a.runId - b.runId)
      if (verdicts.length > 0) this.batches.push(verdicts)
      this.freed.push(...verdicts.filter(({ freesSlot }) => freesSlot).map(({ runId }) => runId))
      this.freed.push(...freed.map(({ runId }) => runId))
      if (this.answers)
        setImmediate(() => this.settle(verdicts.map(({ runId, kind }) => [runId, SETTLED[kind]])))
      return true
    },
    goneAmong: (runIds) => [...runIds].filter((runId) => this.gone.has(runId)),
    adopt: async () => ({ value: (this.#runs += 1), failure: null }),
    setConcurrency: (processorId, concurrency) =>
      void (this.processors[processorId].concurrency = concurrency),
    stopProcessor: async (processorId) => {
      this.quiesced.push(processorId)
      return { value: null, failure: null }
    },
    quiesce: (ids) => this.quiesced.push(...ids),
    startRecovery: (visibilityTimeoutMs) => this.recoveries.push(visibilityTimeoutMs),
  }

  fireSchedules = () => () => {}
  openProcessors = new Set()
  decodeJob = decodeJob
  decodeJobs = decodeJobs
  subscribe = (listener) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  get isSubscribed() {
    return this.#listeners.size > 0
  }

  get verdicts() {
    return this.batches.flat()
  }

  emit(event) {
    for (const listener of [...this.#listeners]) listener(event)
  }

  /** Hands jobs over as claimed; returns their run ids. */
  claim(jobs, processorId = 0) {
    const runIds = jobs.map(() => (this.#runs += 1))
    this.emit({ kind: 'jobs', processorId, runIds, documents: Buffer.concat(jobs.map(encode)) })
    return runIds
  }

  /** Answers verdicts: pairs of run id and status. */
  settle(pairs) {
    const isCompleted = ([, status]) => status === 'completed'
    const completed = pairs.filter(isCompleted).map(([runId]) => runId)
    const others = pairs
      .filter((pair) => !isCompleted(pair))
      .map(([runId, status, terminalStatus = null]) => ({
        ...{ runId, settled: { status, terminalStatus }, failure: null },
      }))
    this.emit({ kind: 'settled', completed, others })
  }

  /** Answers a verdict: it could not be written. */
  fail(runId, message) {
    const failure = { code: 'ERR_DURABL_CONNECTION', message, serverCode: null }
    this.emit({ kind: 'settled', completed: [], others: [{ runId, settled: null, failure }] })
  }
}
