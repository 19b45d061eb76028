/**
 * The life of a run as a table, without any I/O: `(state, event) → (state, effects)`. `run.ts` carries the effects out.
 *
 * ```
 *            start            verdict                written
 *  waiting ─────────► running ───────► settling ───────────────► over
 *     │ release          ▲ └──────────┐   │ │                     ▲
 *     └──────────────────│────────────│──►┘ │ write failed        │
 *                        └────────────│─────┴─────────────────────┤
 *              (the handler waits)    └── lease lost (any phase) ─┘
 *
 *           begin                commit                committed
 *  running ───────► transacting ────────► committing ─────────────► over
 *     ▲              │     ▲                │   │ lease lost,          ▲
 *     │ rolled back  │     │ attempt        │   │ timeout, release     │
 *     ├──────────────┘     └────────────────┤   ▼                      │
 *     ├─────────────────────────────────────┘ overtaken ───────────────┘
 *     └──── rolled back, then what came meanwhile ───┘     committed
 * ```
 */

/**
 * - `waiting`: claimed, the handler has not started.
 * - `running`: the handler has started; nothing is decided.
 * - `transacting`: as `running`, within `ctx.transaction`.
 * - `committing`: the transaction, which completes the job, decides.
 * - `overtaken`: as `committing`; something came meanwhile, and counts if the transaction is rolled back.
 * - `settling`: the one verdict is on its way to the backend.
 * - `over`: settled, or the lease is lost, or the verdict could not be written.
 */
export type Phase = 'waiting' | 'running' | 'transacting' | 'committing' | 'overtaken' | 'settling' | 'over'

/** `left`: perhaps still at work, but no longer waited for. It timed out, or the shutdown took its job away. */
export type Handler = 'unstarted' | 'working' | 'left' | 'ended'

export interface RunState {
  readonly phase: Phase
  readonly handler: Handler
}

/**
 * - `start`: the handler's turn has come.
 * - `settled-by-hand`: the handler settles by `ctx`.
 * - `taken-back`: the backend was shut down, and gives the job back by itself.
 * - `release`: the queue gives the job back.
 * - `give-back`: the queue gives the job back, as the jobs ahead of it do not end.
 * - `written`, `left-to-expire`, `write-failed`: the settler's answers.
 * - `transaction-begins` to `rolled-back`: the steps of `ctx.transaction`. An attempt may follow a commit that failed.
 */
export type RunEvent =
  | 'start'
  | 'handler-returned'
  | 'handler-threw'
  | 'timed-out'
  | 'settled-by-hand'
  | 'lease-lost'
  | 'taken-back'
  | 'release'
  | 'give-back'
  | 'written'
  | 'left-to-expire'
  | 'write-failed'
  | 'transaction-begins'
  | 'attempt'
  | 'commit'
  | 'committed'
  | 'rolled-back'

/**
 * - `end-handler`: the timer and the session of the context end.
 * - `settle`: the event's verdict is sent.
 * - `keep`: the event is kept, in place of any before it, and counts after a rollback; `replay`: it happens now.
 * - `refuse`: the step of the transaction throws, as nothing in it can count any more.
 * - `back-to-handler`: its own settlement fails, and it may settle again.
 * - `end`: the run has its result. A settlement by hand is answered, and the listener hears of the end.
 * - `answer`: a settlement by hand is answered with the result that the run has already.
 * - `report-thrown`: the handler threw when nothing was left to decide.
 */
export type Effect =
  | 'call-handler'
  | 'end-handler'
  | 'free-slot'
  | 'settle'
  | 'keep'
  | 'replay'
  | 'refuse'
  | 'back-to-handler'
  | 'abort'
  | 'end'
  | 'answer'
  | 'report-settled'
  | 'report-committed'
  | 'report-write-failed'
  | 'report-lease-lost'
  | 'report-taken-back'
  | 'report-thrown'

export interface Step extends RunState {
  readonly effects: readonly Effect[]
}

interface Cell {
  /** Null: the run stays in its phase. */
  readonly phase: Phase | null
  /** Null: as before. */
  readonly handler: Handler | null
  readonly effects: readonly Effect[]
}

/** A cell that depends on the state of the handler. */
type Cells = Cell | ((handler: Handler) => Cell)

const cell = (phase: Phase | null, effects: Effect[]): Cell => ({
  phase,
  effects,
  handler: handlerAfter(effects),
})
const to = (phase: Phase, ...effects: Effect[]): Cell => cell(phase, effects)
const stays = (...effects: Effect[]): Cell => cell(null, effects)

/** A handler that loses its slot before its end is no longer waited for. */
function handlerAfter(effects: readonly Effect[]): Handler | null {
  if (effects.includes('call-handler')) return 'working'
  if (effects.includes('end-handler')) return 'ended'
  return effects.includes('free-slot') ? 'left' : null
}

const NOTHING = stays()
const REFUSED = stays('refuse')
const RUNNING = to('running')
const DECIDED = to('settling', 'settle')
const DECIDED_BY_END = to('settling', 'end-handler', 'settle', 'free-slot')
const TAKEN_FROM_HANDLER = to('settling', 'settle', 'free-slot')
const ENDED = stays('end-handler', 'free-slot')
const THREW_TOO_LATE = stays('end-handler', 'report-thrown', 'free-slot')
const LEASE_LOST = to('over', 'report-lease-lost', 'end', 'abort')
const TAKEN_BACK = to('over', 'report-taken-back', 'end', 'abort', 'free-slot')
const COMMITTED = to('over', 'report-committed', 'end')
const BACK_TO_HANDLER = to('running', 'back-to-handler')
const NOT_WRITTEN = to('over', 'report-write-failed', 'end')

/** A handler that has ended can't hear of the rollback: it counts as thrown. */
const ROLLED_BACK = (handler: Handler): Cell => (handler === 'ended' ? DECIDED : RUNNING)

/** While a verdict is on its way, only a handler that gave it itself is still at work, and can give another one. */
const WRITE_FAILED = (handler: Handler): Cell => (handler === 'working' ? BACK_TO_HANDLER : NOT_WRITTEN)

/** Every event in every phase; the compiler asks for each of them. */
const TABLE: Readonly<Record<RunEvent, Readonly<Record<Phase, Cells>>>> = {
  start: {
    waiting: to('running', 'call-handler'),
    running: NOTHING,
    transacting: NOTHING,
    committing: NOTHING,
    overtaken: NOTHING,
    settling: NOTHING,
    over: NOTHING,
  },
  'handler-returned': {
    waiting: NOTHING,
    running: DECIDED_BY_END,
    transacting: ENDED,
    committing: ENDED,
    overtaken: ENDED,
    settling: ENDED,
    over: ENDED,
  },
  'handler-threw': {
    waiting: NOTHING,
    running: DECIDED_BY_END,
    transacting: DECIDED_BY_END,
    committing: ENDED,
    overtaken: ENDED,
    settling: THREW_TOO_LATE,
    over: THREW_TOO_LATE,
  },
  'timed-out': {
    waiting: NOTHING,
    running: TAKEN_FROM_HANDLER,
    transacting: TAKEN_FROM_HANDLER,
    committing: to('overtaken', 'keep', 'free-slot'),
    overtaken: stays('free-slot'),
    settling: stays('free-slot'),
    over: stays('free-slot'),
  },
  'settled-by-hand': {
    waiting: NOTHING,
    running: DECIDED,
    transacting: NOTHING,
    committing: NOTHING,
    overtaken: NOTHING,
    settling: NOTHING,
    over: stays('answer'),
  },
  'lease-lost': {
    waiting: LEASE_LOST,
    running: LEASE_LOST,
    transacting: LEASE_LOST,
    committing: to('overtaken', 'keep'),
    overtaken: stays('keep'),
    settling: LEASE_LOST,
    over: NOTHING,
  },
  'taken-back': {
    waiting: TAKEN_BACK,
    running: TAKEN_BACK,
    transacting: TAKEN_BACK,
    committing: to('overtaken', 'keep'),
    overtaken: NOTHING,
    settling: TAKEN_BACK,
    over: NOTHING,
  },
  release: {
    waiting: TAKEN_FROM_HANDLER,
    running: TAKEN_FROM_HANDLER,
    transacting: TAKEN_FROM_HANDLER,
    committing: to('overtaken', 'keep', 'free-slot'),
    overtaken: stays('free-slot'),
    settling: stays('free-slot'),
    over: stays('free-slot'),
  },
  'give-back': {
    waiting: DECIDED,
    running: NOTHING,
    transacting: NOTHING,
    committing: NOTHING,
    overtaken: NOTHING,
    settling: NOTHING,
    over: NOTHING,
  },
  written: {
    waiting: NOTHING,
    running: NOTHING,
    transacting: NOTHING,
    committing: NOTHING,
    overtaken: NOTHING,
    settling: to('over', 'report-settled', 'end'),
    over: NOTHING,
  },
  'left-to-expire': {
    waiting: NOTHING,
    running: NOTHING,
    transacting: NOTHING,
    committing: NOTHING,
    overtaken: NOTHING,
    settling: to('over', 'end'),
    over: NOTHING,
  },
  'write-failed': {
    waiting: NOTHING,
    running: NOTHING,
    transacting: NOTHING,
    committing: NOTHING,
    overtaken: NOTHING,
    settling: WRITE_FAILED,
    over: NOTHING,
  },
  'transaction-begins': {
    waiting: REFUSED,
    running: to('transacting'),
    transacting: REFUSED,
    committing: REFUSED,
    overtaken: REFUSED,
    settling: REFUSED,
    over: REFUSED,
  },
  attempt: {
    waiting: REFUSED,
    running: REFUSED,
    transacting: NOTHING,
    committing: to('transacting'),
    overtaken: REFUSED,
    settling: REFUSED,
    over: REFUSED,
  },
  commit: {
    waiting: REFUSED,
    running: REFUSED,
    transacting: to('committing'),
    committing: NOTHING,
    overtaken: REFUSED,
    settling: REFUSED,
    over: REFUSED,
  },
  committed: {
    waiting: NOTHING,
    running: NOTHING,
    transacting: COMMITTED,
    committing: COMMITTED,
    overtaken: COMMITTED,
    settling: NOTHING,
    over: NOTHING,
  },
  'rolled-back': {
    waiting: NOTHING,
    running: NOTHING,
    transacting: ROLLED_BACK,
    committing: ROLLED_BACK,
    overtaken: to('running', 'replay'),
    settling: NOTHING,
    over: NOTHING,
  },
}

/** Until a verdict is on its way, the lease gives the run its right. */
export function needsLease(phase: Phase): boolean {
  switch (phase) {
    case 'waiting':
    case 'running':
    case 'transacting':
      return true
    case 'committing':
    case 'overtaken':
    case 'settling':
    case 'over':
      return false
  }
}

export const INITIAL: RunState = { phase: 'waiting', handler: 'unstarted' }

/** All steps that were taken once: a run takes three or more, and making them anew is a tenth of a run's allocations. */
const TAKEN: { [E in RunEvent]?: { [P in Phase]?: { [H in Handler]?: Step } } } = {}

/** One step in the life of a run. The same object for the same state and event. */
export function step(state: RunState, event: RunEvent): Step {
  const { phase, handler } = state
  return (((TAKEN[event] ??= {})[phase] ??= {})[handler] ??= newStep(state, event))
}

function newStep(state: RunState, event: RunEvent): Step {
  const cells = TABLE[event][state.phase]
  const { phase, handler, effects } = typeof cells === 'function' ? cells(state.handler) : cells
  // A handler that was never started, or has ended, can't be left.
  const stays = handler === null || (handler === 'left' && state.handler !== 'working')
  return { phase: phase ?? state.phase, handler: stays ? state.handler : handler, effects }
}
