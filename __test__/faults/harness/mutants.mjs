/**
 * Engines with bugs. Each is the real engine. Its commands are altered on their way to the servers, into those that an engine with that bug
 * would have sent. Nothing else about it is changed. So these show that the scenarios would bring such a bug to light.
 */
import { OPERATOR } from './scenarios.mjs'

/** By then every other reaper has looked, too. */
const SLOW_MS = 1500

const HOUR_MS = 3_600_000

/** Occurrences of which no job arrives. */
const LOST_EVERY_MS = 3000

/** By how much a clock is ahead. */
const AHEAD_MS = 3000

/** Jobs run for long enough to be cancelled meanwhile. */
const STEERED = { leastMs: 200, workMs: 900, everyMs: 60 }

/** When a job ended. */
const ENDS = ['completedAt', 'failedAt']

/** An update that changes nothing, and is answered as if it had. */
const NOTHING = [{ $set: { type: '$type' } }]

/** A plant that meddles with the commands of one world's processes: see `Bridge.meddle`. */
function mutant({ cluster, database }, meddler) {
  const plant = { done: 0 }
  const undo = cluster.nodes.map(({ bridge }) =>
    bridge.meddle((command) => {
      const done = command.$db === database ? meddler(command) : null
      if (done) plant.done += 1
      return done
    }),
  )
  plant.uproot = async () => undo.forEach((end) => end())
  return plant
}

/** The effect of an update on a job; empty for an update that is no pipeline. */
const settingOf = ({ u }) => (Array.isArray(u) ? (u.find(({ $set }) => $set)?.$set ?? {}) : {})

const ofReaper = ({ q }) => '$expr' in q && 'claimedAt' in q
const ofHolder = (statement) =>
  'claimToken' in statement.q && !ofReaper(statement) && settingOf(statement).status !== undefined
const isRetry = (statement) => {
  const { status, runAt } = settingOf(statement)
  return ofHolder(statement) && status === 'pending' && runAt !== undefined
}

/** Whether a statement marks a running job that is to be cancelled. */
const isMark = (statement) => statement.q.status === 'active' && 'cancelRequestedAt' in settingOf(statement)

/** Whether a filter is that of jobs which are due. */
const isOfDue = ({ status, $expr }) => status === 'pending' && $expr !== undefined
const isTake = ({ q }) => isOfDue(q)
const anyTime = (filter) => void delete filter.$expr

/** A look for paused types that finds none; null if the command is none. */
function unpaused({ find, filter }) {
  if (find !== 'jobs.durabl' || filter?.kind !== 'type') return null
  return { change: (command) => void (command.filter.kind = 'none') }
}

/** A look for jobs that ended long ago, or their removal, without the age; null if the command is none. */
function ageless({ find, filter, deletes }) {
  const filters = ({ filter, deletes = [] }) => [filter, ...deletes.map(({ q }) => q)].filter(Boolean)
  const isOld = (filter) => ENDS.some((name) => '$lt' in (filter[name] ?? {}))
  if (find !== 'jobs' && deletes === undefined) return null
  if (!filters({ filter, deletes }).some(isOld)) return null
  const change = (command) => {
    for (const each of filters(command).filter(isOld))
      for (const name of ENDS) if (name in each) each[name].$lt = new Date(Date.now() + HOUR_MS)
  }
  return { change }
}

/** Alters those statements of an update that fit; null if none does. */
function altering({ updates = [] }, fits, alter) {
  const change = (command) => command.updates.filter(fits).forEach(alter)
  return updates.some(fits) ? { change } : null
}

/** Takes these out of a filter. */
const without = (names) => (filter) => names.forEach((name) => delete filter[name])

export const MUTANTS = {
  'an engine that settles without a fence': {
    laws: ['legalSteps'],
    scenario: 'writes come late',
    plant: (world) =>
      mutant(world, (command) =>
        altering(command, ofHolder, ({ q }) => without(['claimToken', 'status'])(q)),
      ),
  },

  'an engine whose reaper does not look again': {
    // It gives back what another holds, or what has ended: that is a restart that no call has asked for.
    anyOf: ['onlyExpiredIsTaken', 'legalSteps', 'retriesAreMade'],
    scenario: 'processes freeze for longer than their leases',
    /** It is slow between its look and its write, too: by then another has taken the job, and given it to somebody. */
    plant(world) {
      const looked = without(['claimToken', 'claimedAt', 'status', '$expr'])
      return mutant(world, (command) => {
        const altered = altering(command, ofReaper, ({ q }) => looked(q))
        return altered && { ...altered, delayMs: SLOW_MS }
      })
    },
  },

  'an engine that starts what it hands off under another token than it has written': {
    laws: ['runsHaveClaims'],
    scenario: 'jobs are handed off while processes die and replies are lost',
    plant: (world) =>
      mutant(world, ({ insert, documents }) => {
        if (insert !== 'jobs' || !documents?.some(({ lease }) => lease)) return null
        const change = (command) => {
          for (const document of command.documents.filter(({ lease }) => lease)) {
            document.claimToken += ':other'
            document.lease.token = document.claimToken
          }
        }
        return { change }
      }),
  },

  'an engine that loses retries': {
    laws: ['resultsAreTrue'],
    scenario: 'nothing goes wrong',
    plant: (world) =>
      mutant(world, (command) => altering(command, isRetry, (statement) => (statement.u = NOTHING))),
  },

  'an engine that completes what was to be cancelled': {
    laws: ['cancelsLast'],
    scenario: 'nothing goes wrong',
    load: STEERED,
    plant: (world) =>
      mutant(world, (command) =>
        altering(
          command,
          (statement) => ofHolder(statement) && 'cancelRequestedAt' in statement.q,
          ({ q }) => without(['cancelRequestedAt'])(q),
        ),
      ),
  },

  'an engine that ends a running job at once when it is to be cancelled': {
    laws: ['keysOutliveCancels'],
    scenario: 'nothing goes wrong',
    load: STEERED,
    plant: (world) =>
      mutant(world, (command) =>
        altering(command, isMark, (statement) => {
          const ended = { status: 'failed', ending: 'cancelled', failedAt: '$$NOW' }
          Object.assign(settingOf(statement), ended)
        }),
      ),
  },

  'an engine that neither looks for pauses nor at the age of jobs that it removes': {
    laws: ['pausesHold', 'retentionSpares'],
    scenario: 'nothing goes wrong',
    ...{ operator: OPERATOR, ms: 8500 },
    plant: (world) => mutant(world, (command) => unpaused(command) ?? ageless(command)),
  },

  'an engine that makes the jobs of occurrences under ids of their own, or moves schedules on without them': {
    laws: ['occurrencesComeOnce', 'occurrencesAreMadeUpFor'],
    scenario: 'schedules come while primaries step down',
    plant(world) {
      let count = 0
      return mutant(world, ({ insert, documents }) => {
        if (insert !== 'jobs' || !documents?.some(({ schedule }) => schedule)) return null
        count += 1
        const isLost = documents.some(({ runAt }) => runAt.getTime() % LOST_EVERY_MS === 0)
        const change = (command) => {
          // The insert of some goes elsewhere, and is answered as if it had not.
          if (isLost) command.insert = 'elsewhere'
          for (const document of command.documents) document._id += `:${count}`
        }
        return { change }
      })
    },
  },

  'an engine that has schedules come by a clock that is ahead': {
    laws: ['occurrencesComeOnce'],
    scenario: 'schedules come while primaries step down',
    plant: (world) =>
      mutant(world, ({ find, projection }) => {
        if (find !== 'jobs.durabl' || !projection?.seenAt) return null
        return { change: (command) => void (command.projection.seenAt = { $add: ['$$NOW', AHEAD_MS] }) }
      }),
  },

  'an engine that claims before the time': {
    laws: ['notEarly'],
    scenario: 'nothing goes wrong',
    plant: (world) =>
      mutant(world, (command) => {
        const { find, filter, findAndModify, query } = command
        if (find === undefined && findAndModify === undefined)
          return altering(command, isTake, ({ q }) => anyTime(q))
        const wanted = filter ?? query
        if (!isOfDue(wanted)) return null
        return { change: (altered) => anyTime(altered.filter ?? altered.query) }
      }),
  },
}
