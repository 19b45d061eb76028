/** Histories made by hand: small ones, of which a test knows what is wrong with them. Every step takes a millisecond unless told otherwise. */

export const LEASE = 1000

/** The key of a job, in either scope. */
export const ONE = { key: 'k', scope: 'pending' }
export const SOLE = { key: 'k', scope: 'pending+active' }

export class ByHand {
  lines = [{ by: 'harness', kind: 'settings', at: 0, visibilityTimeoutMs: LEASE, orderedTypes: ['plain'] }]
  now = 10_000
  #jobs = new Map()
  #tokens = 0

  /** Lets time pass. */
  wait(ms) {
    this.now += ms
    return this
  }

  told(by, kind, fields) {
    this.now += 1
    this.lines.push({ by, kind, at: this.now, ...fields })
    return this
  }

  /** A write of a server: `fields` are set, and those that are undefined are removed. */
  wrote(id, fields) {
    const removed = Object.keys(fields).filter((name) => fields[name] === undefined)
    Object.assign(this.#jobs.get(id), fields)
    const set = Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
    return this.told('servers', 'change', { op: 'update', job: id, set, removed })
  }

  /** A call that steers a job. */
  asked(call, method, job) {
    return this.told('producer', 'called', { call, method, type: 'plain', key: null, scope: null, job })
  }

  /** The answer to it. */
  steered(call, status) {
    return this.told('producer', 'steered', { call, status })
  }

  /** A running job is to be cancelled. */
  marked(id) {
    return this.wrote(id, { cancelRequestedAt: this.now + 1, cancelReason: 'withdrawn' })
  }

  /** A job ends as cancelled; `by` is the worker that tells of it, if one does. */
  cancelled(id, by = null) {
    this.wrote(id, { status: 'failed', ending: 'cancelled', failedAt: this.now + 1, failReason: 'withdrawn' })
    return by === null ? this : this.told(by, 'event:fail-fatal', { jobId: id, reason: 'withdrawn' })
  }

  restarted(id) {
    const marks = { ending: undefined, cancelRequestedAt: undefined, cancelReason: undefined }
    const ends = { completedAt: undefined, failedAt: undefined, failReason: undefined, ...marks }
    return this.gaveBack(id, { ...ends, attempt: 0, runAt: this.now + 1 })
  }

  /** A retry, from call to answer. */
  retry(call, id) {
    return this.asked(call, 'retry', id).restarted(id).steered(call, 'retried')
  }

  removed(id) {
    return this.told('servers', 'change', { op: 'delete', job: id })
  }

  inserted(id, { call = id, status = 'pending', key, scope, ...fields } = {}) {
    // The call itself tells what it asked for.
    const more = { ...fields }
    delete more.asked
    const keyed = key ? { dedupeKey: key, dedupeScope: scope } : {}
    const runAt = this.now + 1
    const job = {
      _id: id,
      type: 'plain',
      status,
      priority: 0,
      attempt: 0,
      maxAttempts: 3,
      backoffDelay: 100,
      runAt,
    }
    const document = { ...job, ...keyed, data: { call }, ...more }
    this.#jobs.set(id, { ...document })
    return this.told('servers', 'change', { op: 'insert', job: id, document })
  }

  called(call, { key = null, scope = null, method = 'enqueue', coalesce = null, asked = {} } = {}) {
    return this.told('producer', 'called', { call, method, type: 'plain', key, scope, coalesce, asked })
  }

  answered(call, id) {
    return this.told('producer', 'answered', { call, id })
  }

  /** Of a call that only looks. */
  looked(call, isHeld) {
    return this.told('producer', 'looked', { call, isHeld })
  }

  /** A call that makes a job of its own name. */
  enqueue(id, options) {
    return this.called(id, options).inserted(id, options).answered(id, id)
  }

  claimed(id) {
    this.#tokens += 1
    const token = `t${this.#tokens}`
    const attempt = this.#jobs.get(id).attempt + 1
    const lease = { token, attempt, ms: LEASE }
    return this.wrote(id, { status: 'active', claimToken: token, attempt, claimedAt: this.now + 1, lease })
  }

  started(id, by = 'worker', call = this.#jobs.get(id).data.call) {
    return this.told(by, 'started', { ...this.#runOf(id), call })
  }

  ended(id, { by = 'worker', outcome = 'returned', run = this.#runOf(id) } = {}) {
    return this.told(by, 'ended', { ...run, outcome })
  }

  /** The run that is under way, to be told of after its lease is gone. */
  run(id) {
    return this.#runOf(id)
  }

  #runOf(id) {
    const { attempt, claimToken: token, dedupeKey: key = null } = this.#jobs.get(id)
    return { job: id, attempt, token, key }
  }

  completed(id, by = 'worker') {
    this.wrote(id, { status: 'completed', completedAt: this.now + 1, lease: undefined })
    return this.told(by, 'event:completed', { jobId: id })
  }

  /** A whole run, from claim to completion. */
  ran(id, by = 'worker') {
    return this.claimed(id).started(id, by).wait(20).ended(id, { by }).completed(id, by)
  }

  gaveBack(id, fields) {
    return this.wrote(id, {
      status: 'pending',
      claimToken: undefined,
      claimedAt: undefined,
      lease: undefined,
      ...fields,
    })
  }

  retried(id, { runAt = this.now + 200, by = 'worker' } = {}) {
    const { attempt, claimToken } = this.#jobs.get(id)
    this.gaveBack(id, { settledTokens: [claimToken], runAt, failReason: 'it went wrong' })
    return this.told(by, 'event:failed', { jobId: id, attempt, terminal: false })
  }

  released(id) {
    const { attempt, claimToken } = this.#jobs.get(id)
    return this.gaveBack(id, { attempt: attempt - 1, settledTokens: [claimToken] })
  }

  superseded(id, by = 'worker') {
    this.wrote(id, { status: 'superseded', failedAt: this.now + 1 })
    return this.told(by, 'event:superseded', { jobId: id })
  }

  recovered(id) {
    return this.gaveBack(id, { settledTokens: [] })
  }

  failed(id, by = 'worker') {
    const { attempt } = this.#jobs.get(id)
    this.wrote(id, { status: 'failed', failedAt: this.now + 1, failReason: 'it went wrong' })
    return this.told(by, 'event:failed', { jobId: id, attempt, terminal: true })
  }
}
