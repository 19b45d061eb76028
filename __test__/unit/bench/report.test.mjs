/** The tables of the page of benchmarks, and its list of runs. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { memoryTable, wholeTable } from '../../../bench/report/backlogs.mjs'
import { goalsTable } from '../../../bench/report/goals.mjs'
import { writePage } from '../../../bench/report/page.mjs'
import {
  aboutLine,
  machineLines,
  onceLine,
  runsLine,
  runsTable,
  versionsOf,
} from '../../../bench/report/runs.mjs'
import { variantsTable } from '../../../bench/report/tables.mjs'
import { readResults } from '../../../bench/results.mjs'
import { tenths } from '../../../bench/sections/whole.mjs'
import { atEnd } from '../../support/cleanup.mjs'

const about = (change = {}) => ({
  date: '2026-01-02',
  command: 'npm run bench',
  runs: 2,
  machine: { cpus: '2 × Some', memory: '8 GiB', system: 'Linux 6' },
  missing: {},
  ...change,
  versions: {
    ...{ node: 'v22.0.0', rust: 'rustc 1.95.0', commit: 'abc1234', driver: '7.9.0' },
    ...{ servers: { mongodb: 'MongoDB 6.0.5' }, peers: { durabl: '0.4.0' } },
    ...change.versions,
  },
})

/** A contestant with a round for each rate; the rest of a round is the same in all. */
const contestant = (known, rates, round = {}) => ({
  ...{ name: known.id, title: known.id, jobs: 100, ...known },
  rounds: rates.map((rate) => ({ rate, cpu: 10, serverCpu: 40, ...round })),
})

const section = (...contestants) => ({ about: about(), contestants })

/** By name of the goal, what was measured and whether it is met. */
function goals(sections) {
  const rows = goalsTable(sections)
    .split('\n')
    .slice(2)
    .map((line) => line.split('|').map((cell) => cell.trim()))
  return Object.fromEntries(
    rows.map(([, what, goal, measured, verdict]) => [what, [goal, measured, verdict]]),
  )
}

test('pick-up in the same process stands beside both claims, each with its own verdict', () => {
  const latency = section(
    { id: 'driver', rounds: [{ samples: [3], inserts: [2], claims: [1], realClaims: [1.6] }] },
    { id: 'durabl-local', rounds: [{ samples: [2.5], afterAcknowledgement: [1.2] }] },
  )
  const measured = Object.entries(goals({ latency }))
  const find = (pattern) => measured.find(([what]) => pattern.test(what))[1]
  assert.deepEqual(find(/same process, from the acknowledgement on, .* \(one index\)/), [
    'at most 1',
    '1.2',
    '**missed**',
  ])
  assert.deepEqual(find(/claim of a job of durabl's/), ['at most 1', '0.75', 'met'])
})

/** Long runs whose last tenth goes at so much of the first. */
function whole({ durabl = 1, tuned = 1, loop = 1 } = {}) {
  const pair = (id, fades) => [
    contestant({ id, size: 'few', jobs: 10_000 }, [20_000, 20_000]),
    {
      ...contestant({ id, size: 'many', jobs: 1_000_000 }, []),
      rounds: [fades, fades].map((fade, round) => ({
        ...{ rate: 20_000 * fade, cpu: 10, serverCpu: 40, firstTenth: 20_000, lastTenth: 20_000 * fade },
        samples: [[1, 100 + round, 50]],
      })),
    },
  ]
  return section(...pair('durabl', durabl), ...pair('durabl-tuned', tuned), ...pair('mongodb', loop))
}

test('a large backlog is judged by all of it, not by its first jobs', () => {
  const rates = [contestant({ id: 'alone' }, [20_000]), contestant({ id: 'large' }, [20_000])]
  const four = [1, 4].map((count) => contestant({ id: `workers-${count}` }, [20_000]))
  const scale = { about: about(), rates, workers: four, attempts: { jobs: 10, tried: 11, commands: 2 } }
  const measured = goals({ scale, whole: whole({ durabl: 0.7, tuned: 0.95, loop: 0.8 }) })
  assert.deepEqual(
    measured['Rate of the first 10,000 jobs of 1,000,000 pending ones, against that of the first of 10,000'],
    [...['at least 0.9', '1', 'met']],
  )
  assert.deepEqual(measured['All of 1,000,000 pending jobs, against all of 10,000'], [
    'at least 0.9',
    '0.7',
    '**missed**',
  ])
  assert.deepEqual(measured['The same with the server tuned'], ['at least 0.9', '0.95', 'met'])
  assert.deepEqual(measured['The same by the bare loop on MongoDB'], ['for comparison', '0.8', ''])
  assert.deepEqual(measured['Resident memory after 1,000,000 jobs at concurrency 100, MB'], [
    ...['at most 150', '101 (100 – 101)', 'met'],
  ])
})

test('a large backlog stands beside the small one, by its tenths and against all of it', () => {
  assert.match(
    wholeTable(whole({ durabl: 0.5 })),
    /\| durabl \| 1,000,000 \| 10,000 \|.*\| 20,000 \| 10,000 \| 0\.5 \|/,
  )
})

test('the rates of tenths are between their marks', () => {
  const marks = [1, 2, 3, 4, 5, 6, 7, 8, 9, 11]
  assert.deepEqual(tenths(1_000, marks), { firstTenth: 100, lastTenth: 50 })
})

test('a section that was added is a column where it was measured', () => {
  const before = section(contestant({ id: 'as durabl does it' }, [10]))
  assert.doesNotMatch(variantsTable(before), /added/)
  const added = (id, cost) => contestant({ id, name: id }, [10, 10], { addRate: 99, addServerCpu: cost })
  const variants = section(added('ended', 8), added('ended-random', 12))
  assert.match(variantsTable(variants), /\| ended \| 40 \| 10 \| 8 \| 99 \|/)
})

test('the page names the runs that it is made of, and the sections that were measured once', () => {
  const one = { throughput: { about: about() }, enqueue: { about: about() } }
  assert.equal(runsLine(one), 'on one machine, in one run')
  assert.match(runsTable(one), /\| throughput, enqueue \| `npm run bench` \| 2026-01-02 \| abc1234 \| 2 \|$/)
  assert.equal(onceLine(one), '')

  const other = about({ command: 'npm run bench -- --only scale', machine: { cpus: '4 × Other' } })
  const two = {
    ...one,
    profile: { about: about(), steps: {} },
    scale: { about: other, attempts: {}, endurance: {} },
  }
  assert.equal(runsLine(two), 'on the machines named at the end, in 2 runs')
  assert.match(onceLine(two), /^Measured once: .* profiler; the claim attempts; the run over a million jobs/)
  assert.doesNotMatch(onceLine({ ...two, whole: { about: other } }), /million/)
  assert.match(
    machineLines(two),
    /^- For `throughput, enqueue, profile`: 2 × Some.*\n.*\n- For `scale`: 4 × Other/,
  )
  assert.match(aboutLine(about(), 'one run'), /`npm run bench`, one run, at commit abc1234/)
  const newer = about({ versions: { peers: { durabl: '0.5.0' } } })
  assert.deepEqual(versionsOf({ ...one, delays: { about: newer } }, 'peers'), { durabl: '0.4.0 and 0.5.0' })
})

test('figures of before can still be read: the long run stood among the large backlogs', async (t) => {
  const sections = { ...readResults('docs/design').sections }
  const endurance = { handled: 10, seconds: 1, rate: 10, samples: [[10, 120, 50]] }
  sections.scale = { ...sections.scale, endurance }
  delete sections.whole
  const out = mkdtempSync(join(tmpdir(), 'durabl-page-'))
  atEnd(t, () => rmSync(out, { recursive: true, force: true }))
  await writePage(out, { sections })
  const page = readFileSync(join(out, 'benchmarks-notebook.md'), 'utf8')
  assert.match(page, /Resident memory [^|]+\| +at most 150 \| +120 \| +met \|/)
  assert.match(page, /Not measured yet: `npm run bench -- --only whole`/)
  assert.doesNotMatch(page, /undefined|NaN|\{\{/)
  assert.equal(memoryTable({}), '')
})
