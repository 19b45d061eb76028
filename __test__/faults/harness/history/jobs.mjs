/**
 * A history, told again job by job. It has the steps of each job as the servers made them, and its holders meanwhile (the tenures). Each
 * tenure has its runs of handlers and its calls. The laws are about these.
 *
 * Times in the servers' account are when a write began; the account of a process comes later. So an earliest and a latest moment are known of
 * each step, and no law needs more.
 */
const ENDED = new Set(['completed', 'failed', 'superseded'])

export const isTerminal = (status) => ENDED.has(status)

/** The effect of a change on a job, in a word. */
function stepOf(before, after, change) {
  if (change.op === 'delete') return 'removed'
  if (before === null && change.op === 'update') return 'changed'
  if (before === null) return after.status === 'active' ? 'enqueued and claimed' : 'enqueued'
  if (before.status === after.status && before.claimToken === after.claimToken)
    return before.claimedAt === after.claimedAt ? 'touched' : 'renewed'
  if (after.status === 'active') return before.status === 'pending' ? 'claimed' : 'taken over'
  if (isTerminal(before.status) && after.status === 'pending') return 'restarted'
  if (after.ending === 'cancelled' && !isTerminal(before.status)) return 'cancelled'
  if (before.status !== 'active') return 'changed'
  if (after.status === 'completed') return 'completed'
  if (after.status === 'pending') {
    if (!before.claimToken || !after.settledTokens?.includes(before.claimToken)) return 'recovered'
    return after.attempt < before.attempt ? 'released' : 'retried'
  }
  if (/^the lease expired/.test(after.failReason ?? '')) return 'recovered'
  return after.status
}

function apply(before, change) {
  if (change.op === 'delete') return { ...before, status: 'removed' }
  if (change.op !== 'update') return { ...change.document }
  const after = { ...before }
  for (const [path, value] of Object.entries(change.set)) {
    const [field, ...rest] = path.split('.')
    if (rest.length === 0) after[field] = value
    else if (field === 'lease') after.lease = { ...after.lease, [rest[0]]: value }
    else if (field === 'settledTokens') after[field] = Object.assign([...after[field]], { [rest[0]]: value })
  }
  const { settledTokens: length } = change.shortened ?? {}
  if (length !== undefined) after.settledTokens = after.settledTokens.slice(0, length)
  for (const path of change.removed) if (!path.includes('.')) delete after[path]
  return after
}

class TracedJob {
  state = null
  steps = []
  /** Each claim: by which token, from which step to which. */
  tenures = []

  constructor(id) {
    this.id = id
  }

  add(change, at, index) {
    const before = this.state
    const after = apply(before, change)
    const step = { kind: stepOf(before, after, change), at, index, job: this, before, after }
    this.steps.push(step)
    this.state = after
    const open = this.tenures.at(-1)
    if (open && open.until === null && (after.status !== 'active' || after.claimToken !== open.token))
      open.until = step
    if (after.status === 'active' && step.kind !== 'renewed' && step.kind !== 'touched')
      this.tenures.push({
        job: this,
        token: after.claimToken,
        attempt: after.attempt,
        from: step,
        until: null,
        runs: [],
      })
    return step
  }

  get created() {
    return this.steps[0].after
  }

  get key() {
    const { dedupeKey, dedupeScope } = this.created
    return dedupeKey ? `${dedupeScope} ${dedupeKey}` : null
  }
}

/** Changes that are dated by the server's clock, when they are written or before that. */
const DATED = ['createdAt', 'claimedAt', 'completedAt', 'failedAt', 'keyFreed']

/**
 * The earliest beginning of each of the servers' changes. The oplog dates them by a clock that falls behind on a busy server, by tens of
 * milliseconds. But no change came before another that stands ahead of it in the oplog, and many of those are dated exactly.
 */
function* datedChanges(lines) {
  let latest = -Infinity
  for (const change of lines.filter(({ kind }) => kind === 'change')) {
    const written = change.set ?? { createdAt: change.document?.createdAt }
    const dates = DATED.map((name) => written[name]).filter((date) => typeof date === 'number')
    latest = Math.max(latest, ...dates)
    yield [change, Math.max(change.at, latest)]
  }
}

/** Handler runs, from what processes told; one without an end lasted until its process was gone. */
function runsIn(lines) {
  const runs = []
  const open = new Map()
  for (const line of lines) {
    const name = `${line.by} ${line.job} ${line.token}`
    if (line.kind === 'started') {
      const run = { ...line, from: line.at, to: null, outcome: null, told: [] }
      runs.push(run)
      open.set(name, run)
    } else if (line.kind === 'ended' && open.has(name)) {
      Object.assign(open.get(name), { to: line.at, outcome: line.outcome })
      open.delete(name)
    } else if (line.kind === 'process-ended') {
      for (const run of open.values())
        if (run.by === line.by && run.to === null) Object.assign(run, { to: line.at, outcome: 'died' })
    }
  }
  for (const run of runs) run.to ??= Infinity
  return runs
}

const TERMINAL_EVENTS = {
  'event:completed': 'completed',
  'event:superseded': 'superseded',
  'event:fail-fatal': 'failed',
}

/** The ends of a handler that lead to each verdict. A job that is given back need not have begun, and may have. */
const ENDS = { complete: 'returned', fail: 'threw', failFatal: 'fatal' }

/** The contents of a line about a run: the fate of its job, and which attempt, or which verdict, it was, if it says so. */
function outcomeIn({ kind, terminal, attempt, code, op }) {
  if (kind === 'event:failed') return { outcome: terminal ? 'failed' : 'retried', attempt }
  // Told while the handler runs: its event does not say of which attempt it is, the signal of the run does.
  if (kind === 'aborted') return code === 'ERR_DURABL_LEASE_LOST' ? { outcome: 'lease-lost', attempt } : null
  if (kind === 'event:lease-lost') return op === 'heartbeat' ? null : { outcome: 'lease-lost', verdict: op }
  // Nothing comes after these, so the last run it is.
  return kind in TERMINAL_EVENTS ? { outcome: TERMINAL_EVENTS[kind] } : null
}

/** The run that a line is about, of those of its job in its process; null if it may be several. */
function runMeant(runs, at, { attempt, verdict }) {
  if (verdict === undefined)
    return runs.filter((run) => run.from <= at && run.attempt === (attempt ?? run.attempt)).at(-1) ?? null
  const mayBe = ({ to, outcome, told }) => to <= at && told.length === 0 && outcome === ENDS[verdict]
  const [meant, ...others] = runs.filter(mayBe)
  return others.length === 0 ? (meant ?? null) : null
}

const isRestarted = (job) => job?.steps.some(({ kind }) => kind === 'restarted') ?? false

/** The end of a handler that each told outcome implies. */
const OUTCOMES = { completed: 'returned', superseded: 'threw', failed: 'threw', retried: 'threw' }

/**
 * The same for a job that has had several lives, in each of which its attempts begin at 1. Its process tells of one after the other, so it is
 * the first that has ended so and that no line has told of yet. But a run whose job had ended without it is told of by no event: one that the
 * servers have ended so goes before.
 */
function runOfLives(runs, at, found) {
  if (found.verdict !== undefined || found.outcome === 'lease-lost') return runMeant(runs, at, found)
  // However its handler ended.
  const isCancelled = (tenure) => found.outcome === 'failed' && tenure?.until?.kind === 'cancelled'
  const fits = ({ to, outcome, told, attempt, tenure }) =>
    to <= at &&
    told.length === 0 &&
    (outcome === OUTCOMES[found.outcome] ||
      (found.outcome === 'failed' && outcome === 'fatal') ||
      isCancelled(tenure)) &&
    attempt === (found.attempt ?? attempt)
  const candidates = runs.filter(fits)
  return candidates.find(({ tenure }) => isSo(tenure?.until, found.outcome)) ?? candidates[0] ?? null
}

/** Whether a claim ended so. An end is an end, from any writer: a reaper after a last attempt writes the same as its holder would. */
export function isSo(until, outcome) {
  return until?.kind === outcome || (isTerminal(outcome) && until?.after.status === outcome)
}

/** What the queue told of each run, after its handler had ended or meanwhile: `completed`, `retried`, `lease-lost`, … */
function tellOutcomes(lines, runs, jobs) {
  const runsOf = groupBy(runs, (run) => `${run.by} ${run.job}`)
  for (const line of lines) {
    const found = outcomeIn(line)
    if (found === null) continue
    const of = runsOf.get(`${line.by} ${line.jobId ?? line.job}`) ?? []
    const meant = isRestarted(jobs.get(line.jobId ?? line.job)) ? runOfLives : runMeant
    meant(of, line.at, found)?.told.push({ outcome: found.outcome, at: line.at })
  }
}

export function groupBy(items, nameOf) {
  const groups = new Map()
  for (const item of items) {
    const name = nameOf(item)
    if (!groups.has(name)) groups.set(name, [])
    groups.get(name).push(item)
  }
  return groups
}

/** Calls that were to make jobs, with their answers. */
function callsIn(lines) {
  const calls = new Map()
  for (const line of lines) {
    if (line.kind === 'called') calls.set(line.call, { ...line, from: line.at, to: Infinity, answer: 'none' })
    const call = calls.get(line.call)
    if (line.kind === 'looked')
      Object.assign(call, { to: line.at, answer: line.isHeld ? 'seen' : 'not seen' })
    if (line.kind === 'steered') Object.assign(call, { to: line.at, answer: line.status })
    if (line.kind === 'answered')
      Object.assign(call, { to: line.at, answer: line.id ? 'made' : 'held', id: line.id })
    if (line.kind === 'rejected') {
      const { code, serverCode = null, message } = line
      Object.assign(call, { to: line.at, answer: 'rejected', code, serverCode, message })
    }
  }
  return [...calls.values()]
}

/** The orders of producers and their reports: each with the end of its calls, and the jobs that it ran by hand. */
function productionsIn(kinds, ends) {
  const over = kinds('production-over')[0]?.at ?? Infinity
  const handles = new Map(kinds('run-begun').map((line) => [line.call, { ...line, over: null }]))
  for (const line of kinds('run-over')) if (handles.has(line.call)) handles.get(line.call).over = line
  const isProduction = ({ method }) => method === 'produce'
  const ended = [...kinds('call-ended'), ...kinds('call-failed')].filter(isProduction)
  return kinds('ordered').map(({ of }) => ({
    ...{ by: of, over },
    end: ended.find(({ by, at }) => by === of && at <= over) ?? null,
    handles: [...handles.values()].filter(({ by }) => by === of),
    isKilled: ends.some(({ by, fate }) => by === of && fate === 'killed'),
  }))
}

/**
 * @param lines of a history, in any order
 * @returns its `settings`: the processes' `visibilityTimeoutMs`, and `orderedTypes`, which they claim without prefetch. Then `jobs` by id, all
 *   `steps` in the servers' order, `runs`, `calls`, `productions` (the orders of producers), and `faults`. Also `endings` (when processes were asked
 *   to end), `ends` of processes, and the `heaps` that some told of
 */
export function retell(lines) {
  const ordered = [...lines].sort((one, other) => one.at - other.at)
  const jobs = new Map()
  const steps = []
  // The servers' own order, which their clocks need not agree with.
  for (const [change, at] of datedChanges(lines)) {
    if (!jobs.has(change.job)) jobs.set(change.job, new TracedJob(change.job))
    steps.push(jobs.get(change.job).add(change, at, steps.length))
  }
  const runs = runsIn(ordered)
  for (const run of runs) {
    run.tenure =
      jobs
        .get(run.job)
        ?.tenures.find(({ token, attempt }) => token === run.token && attempt === run.attempt) ?? null
    run.tenure?.runs.push(run)
  }
  tellOutcomes(ordered, runs, jobs)
  const kinds = (kind) => ordered.filter((line) => line.kind === kind)
  const [settings] = kinds('settings')
  const { visibilityTimeoutMs, orderedTypes } = settings
  const ends = kinds('process-ended')
  return {
    settings,
    visibilityTimeoutMs,
    orderedTypes,
    jobs,
    steps,
    runs,
    calls: callsIn(ordered),
    productions: productionsIn(kinds, ends),
    pauses: [...kinds('paused'), ...kinds('resuming')].sort((one, other) => one.at - other.at),
    schedules: kinds('scheduled'),
    // On the wall; none if there were no schedules.
    schedulesOver: kinds('schedules-over')[0]?.wall ?? -Infinity,
    endings: kinds('asked-to-end'),
    heaps: kinds('heap'),
    faults: kinds('fault'),
    ends,
  }
}
