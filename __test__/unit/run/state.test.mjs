/** The life of a run as a table: every event in every phase, and laws over all the ways that events can take. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { INITIAL, step } from '../../../dist/run/state.js'

const PHASES = ['waiting', 'running', 'transacting', 'committing', 'overtaken', 'settling', 'over']

/** The handler in each phase where a cell is looked at, if the row says nothing else. */
const HANDLER = { waiting: 'unstarted' }

const decided = 'settling: settle'
const decidedByEnd = 'settling: end-handler settle free-slot'
const taken = 'settling: settle free-slot'
const ended = 'end-handler free-slot'
const late = 'end-handler report-thrown free-slot'
const lost = 'over: report-lease-lost end abort'
const back = 'over: report-taken-back end abort free-slot'
const committed = 'over: report-committed end'
const kept = 'overtaken: keep free-slot'

/** One cell for each phase: the next phase if it changes, a colon, the effects. */
const TABLE = {
  start: ['running: call-handler', '', '', '', '', '', ''],
  'handler-returned': ['', decidedByEnd, ended, ended, ended, ended, ended],
  'handler-threw': ['', decidedByEnd, decidedByEnd, ended, ended, late, late],
  'timed-out': ['', taken, taken, kept, 'free-slot', 'free-slot', 'free-slot'],
  'settled-by-hand': ['', decided, '', '', '', '', 'answer'],
  'lease-lost': [lost, lost, lost, 'overtaken: keep', 'keep', lost, ''],
  'taken-back': [back, back, back, 'overtaken: keep', '', back, ''],
  release: [taken, taken, taken, kept, 'free-slot', 'free-slot', 'free-slot'],
  'give-back': [decided, '', '', '', '', '', ''],
  written: ['', '', '', '', '', 'over: report-settled end', ''],
  'left-to-expire': ['', '', '', '', '', 'over: end', ''],
  'write-failed': ['', '', '', '', '', 'running: back-to-handler', ''],
  'transaction-begins': ['refuse', 'transacting:', 'refuse', 'refuse', 'refuse', 'refuse', 'refuse'],
  attempt: ['refuse', 'refuse', '', 'transacting:', 'refuse', 'refuse', 'refuse'],
  commit: ['refuse', 'refuse', 'committing:', '', 'refuse', 'refuse', 'refuse'],
  committed: ['', '', committed, committed, committed, '', ''],
  'rolled-back': ['', '', 'running:', 'running:', 'running: replay', '', ''],
}

const EVENTS = Object.keys(TABLE)

function shown(phase, next) {
  const effects = next.effects.join(' ')
  return next.phase === phase ? effects : `${next.phase}: ${effects}`.trim()
}

describe('every event in every phase', () => {
  for (const [event, cells] of Object.entries(TABLE)) {
    for (const [column, phase] of PHASES.entries()) {
      test(`${event} while ${phase}`, () => {
        const state = { phase, handler: HANDLER[phase] ?? 'working' }
        assert.equal(shown(phase, step(state, event)), cells[column])
      })
    }
  }
})

describe('where the handler makes a difference', () => {
  for (const handler of ['unstarted', 'left', 'ended']) {
    test(`a verdict that can't be written ends the run: the handler is ${handler}`, () => {
      const next = step({ phase: 'settling', handler }, 'write-failed')
      assert.equal(shown('settling', next), 'over: report-write-failed end')
    })
  }
  for (const phase of ['transacting', 'committing']) {
    test(`a rollback that no handler hears of decides the run: it was ${phase}`, () => {
      assert.equal(shown(phase, step({ phase, handler: 'ended' }, 'rolled-back')), decided)
    })
  }
})

describe('the handler', () => {
  const cases = [
    ['a start sets it to work', { phase: 'waiting', handler: 'unstarted' }, 'start', 'working'],
    ['its end ends it', { phase: 'running', handler: 'working' }, 'handler-returned', 'ended'],
    ['its throw ends it', { phase: 'over', handler: 'left' }, 'handler-threw', 'ended'],
    ['a timeout leaves it', { phase: 'running', handler: 'working' }, 'timed-out', 'left'],
    ['a release leaves it', { phase: 'over', handler: 'working' }, 'release', 'left'],
    [
      'one that never started is not left',
      { phase: 'waiting', handler: 'unstarted' },
      'release',
      'unstarted',
    ],
    ['one that has ended is not left', { phase: 'settling', handler: 'ended' }, 'release', 'ended'],
    ['a lost lease does not end it', { phase: 'running', handler: 'working' }, 'lease-lost', 'working'],
  ]
  for (const [name, state, event, expected] of cases) {
    test(name, () => assert.equal(step(state, event).handler, expected))
  }
})

/** Events that can come in a state at all: a handler starts once and ends once, and only a verdict has answers. */
function isPossible({ phase, handler }, event) {
  switch (event) {
    case 'start':
      return handler === 'unstarted'
    case 'handler-returned':
    case 'handler-threw':
      return handler === 'working' || handler === 'left'
    case 'timed-out':
    case 'settled-by-hand':
      return handler === 'working'
    case 'written':
    case 'left-to-expire':
    case 'write-failed':
      return phase === 'settling'
    default:
      return true
  }
}

const key = ({ phase, handler, kept }) => `${phase}/${handler}${kept ? `, kept: ${kept}` : ''}`

/** A step of a whole run: a kept event happens at once when it is replayed. */
function stepOfRun(state, event) {
  const next = { kept: state.kept, ...step(state, event) }
  if (next.effects.includes('keep')) return { ...next, kept: event }
  if (!next.effects.includes('replay')) return next
  const replayed = step(next, state.kept)
  return { ...replayed, kept: null, effects: [...next.effects, ...replayed.effects] }
}

/** Every reachable state, with the steps that lead out of it. */
function explored() {
  const found = new Map()
  const open = [{ ...INITIAL, kept: null }]
  for (const state of open) {
    if (found.has(key(state))) continue
    const events = EVENTS.filter((event) => isPossible(state, event))
    const steps = events.map((event) => ({ event, next: stepOfRun(state, event) }))
    found.set(key(state), { state, steps })
    open.push(...steps.map(({ next }) => next))
  }
  return found
}

describe('over all ways that events can take', () => {
  const states = explored()
  const all = [...states.values()].flatMap(({ state, steps }) => steps.map((each) => ({ state, ...each })))

  test('only these states exist', () => {
    const exist = [...states.values()].map(({ state: { phase, handler } }) => `${phase}/${handler}`)
    const expected = [
      'waiting/unstarted',
      'running/working',
      'transacting/working',
      'transacting/ended',
      'committing/working',
      'committing/ended',
      ...['working', 'left', 'ended'].map((handler) => `overtaken/${handler}`),
      ...['unstarted', 'working', 'left', 'ended'].map((handler) => `settling/${handler}`),
      ...['unstarted', 'working', 'left', 'ended'].map((handler) => `over/${handler}`),
    ]
    assert.deepEqual([...new Set(exist)].sort(), expected.sort())
  })

  test('a verdict is sent exactly where a run becomes settling', () => {
    for (const { state, event, next } of all) {
      const becomes = state.phase !== 'settling' && next.phase === 'settling'
      assert.equal(next.effects.includes('settle'), becomes, `${key(state)} + ${event}`)
    }
  })

  test('a run ends exactly where it becomes over, and is over for good', () => {
    for (const { state, event, next } of all) {
      const becomes = state.phase !== 'over' && next.phase === 'over'
      assert.equal(next.effects.includes('end'), becomes, `${key(state)} + ${event}`)
      if (state.phase === 'over') assert.equal(next.phase, 'over', event)
    }
  })

  test('a run that ends is reported once; only one whose lease is left to expire is not', () => {
    for (const { event, next } of all.filter(({ next }) => next.effects.includes('end'))) {
      const reports = next.effects.filter((effect) => effect.startsWith('report-'))
      assert.equal(reports.length, event === 'left-to-expire' ? 0 : 1, event)
    }
  })

  test('a handler that ends, or is left, frees its slot', () => {
    for (const { state, event, next } of all) {
      const leaves = state.handler === 'working' && next.handler !== 'working'
      if (leaves) assert.ok(next.effects.includes('free-slot'), `${key(state)} + ${event}`)
    }
  })

  test('an event that came while a transaction was committing decides the run once that is rolled back', () => {
    for (const { state, event, next } of all.filter(({ state }) => state.phase === 'overtaken')) {
      if (event === 'rolled-back') assert.match(next.phase, /settling|over/, key(state))
    }
  })

  test('the end can be reached from everywhere', () => {
    const ending = new Set([...states.keys()].filter((each) => each.startsWith('over/')))
    for (let before = -1; before !== ending.size;) {
      before = ending.size
      for (const { state, next } of all) if (ending.has(key(next))) ending.add(key(state))
    }
    assert.deepEqual([...ending].sort(), [...states.keys()].sort())
  })
})
