/** A backend beside the reference model: the same operations on both, and after each one the same answer and the same jobs. */
import assert from 'node:assert/strict'
import { DummyBackend } from 'durabl'

const HOUR_MS = 3_600_000
const RECOVERY_TIMEOUT_MS = 60_000
/** The largest difference between two times that should be one, caused by the clocks and the machine. */
const CLOSE_MS = 30_000
/** A wait that no test lasts, and whose random tenth is within {@link CLOSE_MS}. */
const RETRY = { backoff: 'fixed', backoffDelay: 200_000 }
const NO_JOB = 'no such job'

export class Comparison {
  #pairs = []
  #hours = 1

  /**
   * @param subject the backend that is compared, which holds no job
   * @param collection where it stores its jobs
   * @param clock the server's, in milliseconds since the epoch
   */
  constructor(subject, collection, clock) {
    this.subject = subject
    this.collection = collection
    this.model = new DummyBackend({ clock, random: () => 0 })
  }

  /** Does one step on both sides. Throws an AssertionError where they differ. */
  async step({ name, ...args }) {
    await this[name](args)
    await this.#compareJobs()
  }

  async enqueue({ type, data, options }) {
    const given = [type, data, { ...options, ...RETRY }]
    const [id, modelId] = await this.#both((backend) => backend.enqueue(...given))
    this.#sameNull(id, modelId)
    if (id !== null) this.#pairs.push({ id, modelId, tokens: [] })
  }

  async claimOrEnqueue({ type, data, options }) {
    const given = [type, data, { ...options, ...RETRY }]
    const known = new Set(this.#pairs.map(({ id }) => id))
    const count = this.model.jobs.length
    const [job, modelJob] = await this.#both((backend) => backend.claimOrEnqueue(...given))
    this.#sameNull(job, modelJob)
    if (this.model.jobs.length > count) {
      const made = (await this.#stored()).find(({ _id }) => !known.has(_id))
      assert.ok(made, 'a job should have been made')
      this.#pairs.push({ id: made._id, modelId: this.model.jobs.at(-1).id, tokens: [] })
    }
    this.#claimed(job, modelJob)
  }

  async claimNext({ type }) {
    this.#claimed(...(await this.#both((backend) => backend.claimNext(type))))
  }

  async claimNextByKey({ type, key }) {
    this.#claimed(...(await this.#both((backend) => backend.claimNextByKey(type, key))))
  }

  complete = (args) => this.#onJob(args, (backend, id, token) => backend.complete(id, ...token))
  fail = (args) => this.#onJob(args, (backend, id, token) => backend.fail(id, 'a failure', ...token))
  failFatal = (args) => this.#onJob(args, (backend, id, token) => backend.failFatal(id, 'no hope', ...token))
  release = (args) => this.#onJob(args, (backend, id, token) => backend.release(id, ...token))
  heartbeat = (args) => this.#onJob(args, (backend, id, token) => backend.heartbeat(id, ...token))
  log = (args) => this.#onJob(args, (backend, id, token) => backend.log(id, 'a line', ...token))

  async hasOutstanding({ type, key }) {
    assert.equal(...(await this.#both((backend) => backend.hasOutstanding(type, key))), 'hasOutstanding')
  }

  async getStats({ type }) {
    const [found, expected] = await this.#both((backend) => backend.getStats(type))
    for (const stats of [found, expected]) delete stats.oldestPendingLagMs
    assert.equal(found.oldestPendingRunAt === null, expected.oldestPendingRunAt === null, 'something is due')
    delete found.oldestPendingRunAt
    delete expected.oldestPendingRunAt
    assert.deepEqual(found, expected)
  }

  async becomeDue() {
    for (const { id, job } of this.#jobs()) {
      if (job.status !== 'pending' || job.runAt.getTime() <= this.model.model.now()) continue
      job.runAt = new Date(job.runAt.getTime() - 2 * HOUR_MS)
      await this.collection.updateOne({ _id: id }, { $set: { runAt: job.runAt } })
    }
  }

  async fallSilent({ pick }) {
    const pair = this.#pick('active', pick)
    if (pair === null) return
    // Each one longer ago than the last, so that who is the oldest is never in doubt.
    this.#hours += 1
    const job = this.#modelOf(pair)
    job.claimedAt = new Date(job.claimedAt.getTime() - this.#hours * HOUR_MS)
    await this.collection.updateOne({ _id: pair.id }, { $set: { claimedAt: job.claimedAt } })
  }

  async recover({ most }) {
    const found = await this.#both((backend) => backend.recoverStuckJobs(RECOVERY_TIMEOUT_MS, most))
    assert.equal(...found, 'how many were recovered')
  }

  /** The subject first: its answer, and the model's. */
  async #both(call) {
    return [await call(this.subject), await call(this.model)]
  }

  async #onJob({ among, pick, token }, operate) {
    const pair = this.#pick(among, pick) ?? { id: NO_JOB, modelId: NO_JOB, tokens: [] }
    const [theirs, models] = this.#tokens(pair, token)
    const found = await operate(this.subject, pair.id, theirs)
    assert.deepEqual(found, await operate(this.model, pair.modelId, models), 'the answer')
  }

  /** A token for each side, as arguments. */
  #tokens(pair, which) {
    const others = this.#pairs.filter((other) => other !== pair).flatMap(({ tokens }) => tokens.slice(-1))
    const known = { own: pair.tokens.at(-1), stale: pair.tokens.at(-2), other: others.at(-1) }
    if (which === 'none') return [[], []]
    if (which === 'empty') return [[''], ['']]
    const token = known[which]
    return token === undefined ? [['invented'], ['invented']] : [[token.subject], [token.model]]
  }

  #claimed(job, modelJob) {
    this.#sameNull(job, modelJob)
    if (job === null) return
    const pair = this.#pairs.find(({ modelId }) => modelId === modelJob.id)
    assert.equal(job.id, pair.id, `another job was claimed: expected ${JSON.stringify(modelJob)}`)
    assert.deepEqual([job.data, job.attempt, job.status], [modelJob.data, modelJob.attempt, 'active'])
    assert.ok(!pair.tokens.some(({ subject }) => subject === job.claimToken), 'a token was given twice')
    pair.tokens.push({ subject: job.claimToken, model: modelJob.claimToken })
  }

  #sameNull(found, expected) {
    assert.equal(found === null, expected === null, `expected ${expected === null ? 'nothing' : 'a job'}`)
  }

  #modelOf({ modelId }) {
    return this.model.jobs.find(({ id }) => id === modelId)
  }

  #jobs() {
    return this.#pairs.map((pair) => ({ id: pair.id, job: this.#modelOf(pair) }))
  }

  #pick(among, share) {
    const fits = this.#pairs.filter((pair) => among === 'any' || this.#modelOf(pair).status === among)
    return fits[Math.floor(share * fits.length)] ?? null
  }

  #stored() {
    return this.collection.find().sort({ _id: 1 }).toArray()
  }

  async #compareJobs() {
    const stored = new Map((await this.#stored()).map((job) => [job._id, job]))
    assert.deepEqual(
      [...stored.keys()].sort(),
      this.#pairs.map(({ id }) => id).sort(),
      'which jobs there are',
    )
    for (const { id, job } of this.#jobs()) {
      const found = stored.get(id)
      assert.deepEqual(comparable(found), comparable(job), `job ${job.id}`)
      for (const time of ['runAt', 'claimedAt', 'completedAt', 'failedAt']) {
        const apart = Math.abs((found[time] ?? 0) - (job[time] ?? 0))
        assert.ok(apart < CLOSE_MS, `${time} of ${job.id} is ${apart} ms from where it should be`)
        // Which of two comes first is then the same question on both sides.
        if (found[time]) job[time] = found[time]
      }
    }
  }
}

/** The parts that must be equal, whatever the two sides call their ids and tokens. */
function comparable(job) {
  const { type, data, status, priority, attempt, maxAttempts, failReason, dedupeKey, dedupeScope, ...rest } =
    job
  // The line of a failure that is retried differs on purpose: in memory it has the words of the last one.
  const logs = rest.logs.map((entry) => (entry.message ?? entry).replace(/^Attempt failed: /, 'Failed: '))
  const isHeld = Boolean(rest.claimToken) && status === 'active'
  const kept = { type, data, status, priority, attempt, maxAttempts, failReason, isHeld, logs }
  return { ...kept, dedupeKey: dedupeKey ?? null, dedupeScope: dedupeScope ?? null }
}
