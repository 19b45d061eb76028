/** What the page of benchmarks says about figures: no more than they show, and something else where they turn out otherwise. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { memoryTable, wholeFinding, wholeTable, workersFinding } from '../../../bench/report/backlogs.mjs'
import { backlogFindings, enqueueFinding, idsFinding, localFinding } from '../../../bench/report/findings.mjs'
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

function throughput({ durabl, engine, bare, bullmq = 20_000, cost = {} }) {
  const at = (id, concurrency, rate, round) => contestant({ id, concurrency }, [rate, rate], round)
  return section(
    ...[16, 100].flatMap((concurrency) => [
      at('durabl', concurrency, durabl, { cpu: 15, serverCpu: 45, ...cost }),
      at('bullmq', concurrency, bullmq, { cpu: 40, serverCpu: 30 }),
      at('engine', concurrency, engine, { cpu: 5, serverCpu: 45, ...cost }),
    ]),
    contestant({ id: 'mongodb-1000' }, [bare, bare]),
  )
}

test('a bare loop that is slower than the engine is called no ceiling', () => {
  const text = backlogFindings({ throughput: throughput({ durabl: 24_000, engine: 30_000, bare: 25_000 }) })
  assert.match(text, /engine without JavaScript makes 1\.5 at concurrency 16 and 1\.5 at 100; the bare loop/)
  assert.match(text, /Neither is a ceiling: the engine makes 1\.2 times the rate of the loop/)
  assert.doesNotMatch(text, /no further/)

  const slower = backlogFindings({ throughput: throughput({ durabl: 24_000, engine: 25_000, bare: 30_000 }) })
  assert.match(slower, /Neither is a ceiling: the loop is the quicker one, but/)
})

test('what stands in the way of a goal follows from what a job costs', () => {
  // Of 60 µs two processors make 33,333 jobs a second: 1.67 times 20,000.
  const roomy = backlogFindings({ throughput: throughput({ durabl: 24_000, engine: 30_000, bare: 25_000 }) })
  assert.match(
    roomy,
    /durabl 1\.67 times as fast as BullMQ\. The goal is 1\.5: what is missing to it is waiting\./,
  )
  assert.match(
    roomy,
    /of 60 µs at concurrency 16, the server takes 45 \(75 %\) and the worker 15, where .* takes 5: so about 10 µs \(17 %\)/,
  )

  const tight = throughput({ durabl: 24_000, engine: 30_000, bare: 25_000, bullmq: 30_000 })
  assert.match(
    backlogFindings({ throughput: tight }),
    /durabl 1\.11 .* The goal is 1\.5: in every round that is too little/,
  )
})

test('nothing is said about what was not measured', () => {
  assert.equal(backlogFindings({}), '')
  assert.equal(
    backlogFindings({ throughput: section(contestant({ id: 'durabl', concurrency: 16 }, [1])) }),
    '',
  )
  assert.equal(enqueueFinding({}), '')
  assert.equal(localFinding({}), '')
  assert.equal(idsFinding({}), '')
  const noServer = throughput({ durabl: 2, engine: 2, bare: 2, cost: { serverCpu: null } })
  assert.doesNotMatch(backlogFindings({ throughput: noServer }), /Suppose|Whose/)
})

test('single calls are judged by the figures of the table, and by the insert of the other one', () => {
  const enqueue = section(
    contestant({ id: 'durabl', kind: 'single' }, [32_000]),
    contestant({ id: 'bullmq', kind: 'single' }, [40_000]),
  )
  assert.match(
    enqueueFinding({ enqueue }),
    /at 32,000 jobs\/s that is 2 ms on average.* a call must be through in 0\.8 ms\.$/,
  )
  const latency = (insert) => section({ id: 'driver', rounds: [{ inserts: [insert, insert] }] })
  assert.match(
    enqueueFinding({ enqueue, latency: latency(1.7) }),
    /in 1\.7 ms .* would have to be quicker than an insert/,
  )
  assert.match(enqueueFinding({ enqueue, latency: latency(0.5) }), /in 0\.5 ms .* so it rules nothing out/)
})

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
  assert.match(
    localFinding({ latency }),
    /acknowledgement of the job on, in both of its rows: 1\.2 ms.*median is 2\.5 ms/,
  )
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

test('whose doing it is that a large backlog is slower follows from who else is slower', () => {
  const say = (fades) => wholeFinding(whole(fades))
  const own = say({ durabl: 0.7, tuned: 0.9, loop: 0.8 })
  assert.match(
    own,
    /what it loses is the server's doing\. durabl lost more than the loop in every round, so a part of that is its own/,
  )
  assert.match(own, /On the tuned server it lost less in every round/)
  const server = say({ durabl: 0.8, tuned: 0.8, loop: 0.7 })
  assert.match(
    server,
    /durabl lost less than the loop in every round\. On the tuned server it lost less in some rounds/,
  )
  assert.doesNotMatch(say({}), /lost|loses/)
  assert.match(
    wholeTable(whole({ durabl: 0.5 })),
    /\| durabl \| 1,000,000 \| 10,000 \|.*\| 20,000 \| 10,000 \| 0\.5 \|/,
  )
})

test('the rates of tenths are between their marks', () => {
  const marks = [1, 2, 3, 4, 5, 6, 7, 8, 9, 11]
  assert.deepEqual(tenths(1_000, marks), { firstTenth: 100, lastTenth: 50 })
})

test('several workers are told that little is left only where little is', () => {
  const workers = (rate) => [1, 4].map((count) => contestant({ id: `workers-${count}` }, [rate]))
  const say = (rate) =>
    workersFinding({ about: about(), workers: workers(rate), attempts: { jobs: 10, tried: 11, commands: 2 } })
  assert.match(say(36_000), /keep 1\.8 of 2 processors busy, four workers 1\.8, so there is little left/)
  assert.match(say(10_000), /keep 0\.5 of 2 processors busy, four workers 0\.5\. A job costs/)
})

test('what was added is a column where it was measured', () => {
  const before = section(contestant({ id: 'as durabl does it' }, [10]))
  assert.doesNotMatch(variantsTable(before), /added/)
  const added = (id, cost) => contestant({ id, name: id }, [10, 10], { addRate: 99, addServerCpu: cost })
  const variants = section(added('ended', 8), added('ended-random', 12))
  assert.match(variantsTable(variants), /\| ended \| 40 \| 10 \| 8 \| 99 \|/)
  assert.match(
    idsFinding({ variants }),
    /cost the server 1\.5 times as much \(more in every round\), .* 1 times \(not the same way/,
  )

  const tooFew = section(added('ended', 0), added('ended-random', 0))
  assert.equal(idsFinding({ variants: tooFew }), '')
})

test('the page names the runs that it is made of, and what was measured once', () => {
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
  assert.match(
    onceLine(two),
    /^Measured once and not in rounds: .* profiler; the claim attempts; the run over a million jobs/,
  )
  assert.doesNotMatch(onceLine({ ...two, whole: { about: other } }), /million/)
  assert.match(
    machineLines(two),
    /^- For throughput, enqueue, profile: 2 × Some.*\n.*\n- For scale: 4 × Other/,
  )
  assert.match(aboutLine(about(), 'one run'), /`npm run bench`, one run, at commit abc1234/)
  const newer = about({ versions: { peers: { durabl: '0.5.0' } } })
  assert.deepEqual(versionsOf({ ...one, delays: { about: newer } }, 'peers'), { durabl: '0.4.0 and 0.5.0' })
})

test('figures of before can still be read: the long run stood among the large backlogs', async (t) => {
  const sections = { ...readResults('docs').sections }
  const endurance = { handled: 10, seconds: 1, rate: 10, samples: [[10, 120, 50]] }
  sections.scale = { ...sections.scale, endurance }
  delete sections.whole
  const out = mkdtempSync(join(tmpdir(), 'durabl-page-'))
  atEnd(t, () => rmSync(out, { recursive: true, force: true }))
  await writePage(out, { sections })
  const page = readFileSync(join(out, 'benchmarks.md'), 'utf8')
  assert.match(page, /Resident memory [^|]+\| +at most 150 \| +120 \| +met \|/)
  assert.match(page, /Not measured yet: `npm run bench -- --only whole`/)
  assert.doesNotMatch(page, /undefined|NaN|\{\{/)
  assert.equal(memoryTable({}), '')
})
