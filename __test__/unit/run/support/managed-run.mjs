/** A managed run on a settler, a backend and sessions that a test plays. All that reaches one of them is in one trace. */
import { safeLogger } from '../../../../dist/base/logger.js'
import { Reporter } from '../../../../dist/run/report.js'
import { ManagedRun } from '../../../../dist/run/run.js'
import { SafeTelemetry } from '../../../../dist/run/telemetry.js'
import { RunTransactions } from '../../../../dist/run/transaction.js'
import { settled } from '../../../support/async.mjs'
import { recordingLogger } from '../../../support/loggers.mjs'

/** An error with labels, as the driver has them. */
export const labelled = (label) => Object.assign(new Error(label), { errorLabels: [label] })
export const conflict = () => labelled('TransientTransactionError')

/** A session that repeats its function as the driver's does: after transient errors, of the function and of the commit. */
class PlayedSession {
  transaction = { state: 'NO_TRANSACTION' }

  constructor(note, commit) {
    this.note = note
    this.commit = commit
  }

  inTransaction() {
    return ['STARTING_TRANSACTION', 'TRANSACTION_IN_PROGRESS'].includes(this.transaction.state)
  }

  startTransaction() {
    this.note('begin')
    this.transaction = { state: 'STARTING_TRANSACTION' }
  }

  /** An operation of the function, as the server sees it. */
  operate() {
    this.transaction.state = 'TRANSACTION_IN_PROGRESS'
  }

  end(state) {
    this.transaction.state = state
  }

  async withTransaction(work) {
    for (;;) {
      this.startTransaction()
      try {
        await work(this)
        if (!this.inTransaction()) return
        await this.commit()
        this.end('TRANSACTION_COMMITTED')
        this.note('commit')
        return
      } catch (error) {
        this.end('TRANSACTION_ABORTED')
        if (!error.errorLabels?.includes('TransientTransactionError')) throw error
      }
    }
  }

  async endSession() {
    this.note('end session')
    await settled()
    this.note('session ended')
  }
}

/**
 * A run that a test starts. Each part is slow, and notes its end: so the trace shows who waited for whom.
 *
 * @param handler given the context and the run
 * @param own `suspend`, `resume`, `heartbeat`, `commit`, `complete`, `log`, `progress`, `startSession` in place of those that succeed
 */
export function playedRun(
  handler,
  {
    longestMs = 0,
    visibilityTimeoutMs = 3_600_000,
    timeoutMs = null,
    retryDelay = null,
    isFollowed = false,
    ...own
  } = {},
) {
  const [trace, events, ends] = [[], [], []]
  const note = (line) => void trace.push(line)
  const logger = recordingLogger()
  const slow =
    (name, result, turns = 1) =>
    async (...args) => {
      for (let turn = 0; turn < turns; turn += 1) await settled()
      note(name(...args))
      return own[name(...args).split(' ')[0]]?.(...args) ?? result
    }
  const settler = {
    keepsLogOrder: true,
    settle: (run, verdict) => note(`settle ${verdict.kind}`),
    suspend: slow((_run, ms) => `suspend ${ms}`, 'applied'),
    resume: slow(() => 'resume', null),
    heartbeat: slow(() => 'heartbeat', 'applied'),
    // Slower than the others, so that those who do not wait are before them.
    log: slow((_run, line) => `log ${line}`, undefined, 3),
    progress: slow((_run, value) => `progress ${value}`, undefined, 3),
    completed: () => note('completed'),
  }
  const backend = {
    transactions: {
      longestMs: async () => longestMs,
      startSession: async () => {
        note('start session')
        return own.startSession?.() ?? new PlayedSession(note, own.commit ?? (async () => {}))
      },
    },
    complete: slow(() => 'complete', { status: 'completed' }),
  }
  const report = new Reporter((event) => void events.push(event), safeLogger(logger))
  const listener = { slotFreed: () => note('slot freed'), ended: () => note('ended') }
  const observer = { run: (call) => call(), ended: (end) => void ends.push(end) }
  const telemetry = isFollowed
    ? new SafeTelemetry({ making: () => null, running: () => observer }, report.logger)
    : null
  const job = {
    id: 'j',
    type: 'work',
    data: {},
    attempt: 1,
    maxAttempts: 3,
    timeoutMs: null,
    claimToken: 'token',
  }
  const run = new ManagedRun(1, job, {
    handler: (_job, ctx) => handler(ctx, run),
    timeoutMs,
    retryDelay,
    keepsResults: false,
    settler,
    transactions: new RunTransactions(backend, visibilityTimeoutMs),
    listener,
    report,
    telemetry,
  })
  return { run, trace, events, ends, logger, note }
}
