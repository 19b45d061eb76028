/**
 * A backend as users wrote it for the first releases: no tokens, no claims by key, no release, no recovery, no wake-ups, and no
 * results.
 */
export class LegacyBackend {
  jobs = []
  calls = []

  async enqueue(type, data, options = {}) {
    const id = `legacy-${this.jobs.length + 1}`
    const { maxAttempts = 3, priority = 0, dedupeKey } = options
    const status = 'pending'
    this.jobs.push({
      id,
      type,
      data,
      status,
      attempt: 0,
      maxAttempts,
      priority,
      dedupeKey,
      runAt: new Date(),
      createdAt: new Date(),
    })
    return id
  }

  async claimOrEnqueue(type, data, options) {
    const id = await this.enqueue(type, data, options)
    return this.#claim((job) => job.id === id)
  }

  async claimNext(type) {
    this.calls.push(['claimNext', type])
    return this.#claim((job) => job.type === type)
  }

  async complete(...args) {
    this.calls.push(['complete', ...args])
    this.job(args[0]).status = 'completed'
  }

  async fail(...args) {
    this.calls.push(['fail', ...args])
    const job = this.job(args[0])
    job.failReason = args[1]
    job.status = job.attempt < job.maxAttempts ? 'pending' : 'failed'
  }

  async failFatal(...args) {
    this.calls.push(['failFatal', ...args])
    this.job(args[0]).status = 'failed'
  }

  async heartbeat(...args) {
    this.calls.push(['heartbeat', ...args])
  }

  async log(...args) {
    this.calls.push(['log', ...args])
  }

  async findOne(query) {
    return this.jobs.find((job) => Object.entries(query).every(([key, value]) => job[key] === value)) ?? null
  }

  async getStats() {
    return { pending: 0, active: 0, completed: 0, failed: 0 }
  }

  async startup() {}
  async shutdown() {
    this.calls.push(['shutdown'])
  }
  async resetStorage() {
    this.jobs = []
  }

  job(id) {
    return this.jobs.find((job) => job.id === id)
  }

  /** The calls of one method, without its name. */
  callsOf(method) {
    return this.calls.filter(([name]) => name === method).map(([, ...args]) => args)
  }

  #claim(fits) {
    const job = this.jobs.find((candidate) => candidate.status === 'pending' && fits(candidate))
    if (!job) return null
    job.status = 'active'
    job.attempt += 1
    return { ...job }
  }
}
