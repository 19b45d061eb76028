/** The checker: every law, over one history. */
import { retell } from './history/jobs.mjs'
import { keyAnswersAreTrue } from './laws/dedupe.mjs'
import {
  acknowledgedIsKept,
  askedRemovals,
  callsAreAnswered,
  everythingEnds,
  latestIsKept,
  oncePerCall,
} from './laws/kept.mjs'
import { faultsHappen } from './laws/faults.mjs'
import { followersCover, keysHoldOne } from './laws/keys.mjs'
import { noTwoAtOnce, onlyExpiredIsTaken, runsHaveClaims } from './laws/leases.mjs'
import { cancelsAreMade, cancelsLast, keysOutliveCancels } from './laws/cancels.mjs'
import { pausesHold, retentionSpares } from './laws/operators.mjs'
import { orderIsKept } from './laws/order.mjs'
import { removedIsGone, retriesAreMade } from './laws/restarts.mjs'
import { callersEnd } from './laws/productions.mjs'
import { nobodyFalls } from './laws/processes.mjs'
import { occurrencesAreMadeUpFor, occurrencesComeOnce } from './laws/schedules.mjs'
import { resultsAreTrue, settledByHolder } from './laws/settlements.mjs'
import { attemptsAddUp, legalSteps, noRetryIsLost } from './laws/steps.mjs'
import { notEarly } from './laws/times.mjs'

export const LAWS = {
  ...{ acknowledgedIsKept, oncePerCall, latestIsKept, callsAreAnswered, callersEnd, everythingEnds },
  ...{ legalSteps, attemptsAddUp, noRetryIsLost, notEarly, retriesAreMade, removedIsGone },
  ...{ onlyExpiredIsTaken, runsHaveClaims, noTwoAtOnce, settledByHolder, resultsAreTrue },
  ...{ keysHoldOne, followersCover, keyAnswersAreTrue, orderIsKept, nobodyFalls, faultsHappen },
  ...{ pausesHold, retentionSpares, cancelsAreMade, cancelsLast, keysOutliveCancels },
  ...{ occurrencesComeOnce, occurrencesAreMadeUpFor },
}

/** Findings of one law that are shown; more of the same tell nothing new. */
const MOST_SHOWN = 20

const count = (items, fits) => items.filter(fits).length

/** Jobs that retention has removed. */
function retainedIn(steps, calls) {
  const isAsked = askedRemovals(calls)
  return count(steps, (step) => step.kind === 'removed' && !isAsked(step))
}

/** V8 collects garbage as hard as it can by then. */
const isNearlyFull = ({ used, limit }) => used > 0.6 * limit

/** The amount that there was to check: a history in which little happened proves little. */
function figuresOf({ jobs, runs, calls, steps, faults, heaps }) {
  const kind = (name) => count(steps, (step) => step.kind === name)
  const answer = (name) => count(calls, (call) => call.answer === name)
  return {
    calls: calls.length,
    acknowledged: answer('made'),
    held: answer('held'),
    refused: answer('rejected'),
    unanswered: answer('none'),
    looks: answer('seen') + answer('not seen'),
    jobs: jobs.size,
    runs: runs.length,
    runsThatDied: count(runs, ({ outcome }) => outcome === 'died'),
    runsOfLostLeases: count(runs, ({ tenure }) => tenure?.until?.kind === 'recovered'),
    changes: steps.length,
    ...{ completed: kind('completed'), retried: kind('retried'), released: kind('released') },
    ...{ failed: kind('failed'), superseded: kind('superseded'), recovered: kind('recovered') },
    ...{ restarted: kind('restarted'), removed: kind('removed'), cancelled: kind('cancelled') },
    // A handle's claim has no lease that this process renews.
    handedOff: count(
      steps,
      ({ kind, after }) => kind === 'enqueued and claimed' && after.lease !== undefined,
    ),
    cancelledRuns: count(runs, ({ tenure }) => tenure?.until?.kind === 'cancelled'),
    occurrences: count([...jobs.values()], ({ created }) => created.schedule !== undefined),
    retained: retainedIn(steps, calls),
    faults: faults.length,
    effects: faults.reduce((sum, { effect = 0 }) => sum + effect, 0),
    heapsNearlyFull: new Set(heaps.filter(isNearlyFull).map(({ by }) => by)).size,
  }
}

/** One thing that was found, with the lines that show it, without what refers back to everything else. */
function finding(law, [what, ...about]) {
  const plain = (key, value) =>
    ['job', 'tenure', 'runs', 'told'].includes(key) && typeof value === 'object' ? undefined : value
  return { law, what, about: about.map((item) => JSON.parse(JSON.stringify(item ?? null, plain))) }
}

/**
 * @param lines of a history
 * @returns `findings`, each with the `law` that was broken, `what` happened and what it is `about`; and `figures`
 */
export function check(lines) {
  const story = retell(lines)
  story.figures = figuresOf(story)
  const findings = []
  for (const [law, { broken }] of Object.entries(LAWS)) {
    let found = 0
    for (const what of broken(story)) {
      found += 1
      if (found <= MOST_SHOWN) findings.push(finding(law, what))
    }
    if (found > MOST_SHOWN) findings.push(finding(law, [`${found - MOST_SHOWN} more`]))
  }
  return { findings, figures: story.figures }
}
