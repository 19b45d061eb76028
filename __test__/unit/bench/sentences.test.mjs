/** Sentences with figures: that they say the same as the figures do, whatever these are, and leave out those that are missing. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { filled, PAGES, texts } from '../../../bench/report/elsewhere.mjs'
import { goalsTable } from '../../../bench/report/goals.mjs'
import { writePage } from '../../../bench/report/page.mjs'
import * as sentences from '../../../bench/report/sentences.mjs'
import { readResults } from '../../../bench/results.mjs'
import { complaintsAbout, paragraphs, sentences as sentencesOf } from '../../../scripts/check/prose.mjs'
import { atEnd } from '../../support/cleanup.mjs'

const about = { machine: { cpus: '2 × Some' } }
const contestant = (known, ...rounds) => ({ ...known, rounds })
const section = (...contestants) => ({ about, contestants })
const rates = (known, ...values) =>
  contestant(known, ...values.map((rate) => ({ rate, cpu: 10, serverCpu: 40 })))

/** A throughput section in which durabl and its engine have these rates, and BullMQ 10,000. */
const throughput = (durabl, engine = durabl) =>
  section(
    ...[16, 100].flatMap((concurrency) => [
      rates({ id: 'durabl', concurrency }, ...durabl),
      rates({ id: 'engine', concurrency }, ...engine),
      rates({ id: 'bullmq', concurrency }, ...durabl.map(() => 10_000)),
    ]),
    rates({ id: 'mongodb-1000' }, ...durabl.map(() => 20_000)),
  )

test('rounds are counted in words', () => {
  const above = (values) => sentences.inRounds(values, (value) => value > 1)
  assert.equal(above([2, 3]), 'in every round')
  assert.equal(above([2, 1, 3]), 'in 2 of 3 rounds')
  assert.equal(above([1, 0.5]), 'in no round')
  assert.equal(sentences.listed(['a', '', 'b', 'c']), 'a, b and c')
  assert.equal(sentences.listed(['', 'b']), 'b')
  assert.equal(sentences.listed(['']), '')
})

test('the goals that are missed are counted', () => {
  const met = throughput([30_000, 30_000])
  assert.match(sentences.goals({ throughput: met }), /^durabl misses 2 of the 8 goals/)
  for (const one of met.contestants.filter(({ id }) => id === 'durabl'))
    for (const round of one.rounds) round.cpu = 4
  assert.match(sentences.goals({ throughput: met }), /^durabl meets each of the 8 goals/)
  assert.match(sentences.goals({ throughput: throughput([9_000, 9_000]) }), /^durabl misses 6 of the 8 goals/)
  assert.equal(sentences.goals({}), '')
})

test('a median that only rounding takes to the goal misses it, and says so', () => {
  const line = (rate) =>
    goalsTable({ throughput: throughput([rate]) })
      .split('\n')
      .find((row) => row.includes('Backlog at concurrency 16, against BullMQ'))
  assert.match(line(9_990), /\| 1 \| \*\*missed\*\*, before rounding \|/)
  assert.match(line(9_000), /\| 0\.9 \| \*\*missed\*\* \|/)
  assert.match(line(10_000), /\| 1 \| met \|/)
})

test('durabl and BullMQ are compared where both acknowledge at the same moment', () => {
  const { contestants, ...rest } = throughput([15_000])
  const durable = rates({ id: 'bullmq-durable', concurrency: 16 }, 5_000)
  const quick = rates({ id: 'durabl-quick', concurrency: 16 }, 12_000)
  const goals = goalsTable({ throughput: { ...rest, contestants: [...contestants, durable, quick] } })
  assert.match(goals, /concurrency 16, both acknowledged once it is on disk \| for comparison \| 3 \|/)
  assert.match(goals, /concurrency 16, both acknowledged before it is on disk \| for comparison \| 1\.2 \|/)
  assert.doesNotMatch(goals, /concurrency 100, both/)
})

test('ratios stand at the concurrencies that both have', () => {
  const { contestants, ...rest } = throughput([15_000, 15_000], [8_000, 8_000])
  const found = sentences.yardsticks({ throughput: { ...rest, contestants } })
  assert.match(found, /against that of BullMQ, is 0\.8 at concurrency 16 and 0\.8 at concurrency 100\./)
  assert.match(found, /against that of the loop, is 0\.4 at concurrency 16\./)
  const without = contestants.filter(({ id, concurrency }) => id !== 'bullmq' || concurrency === 16)
  assert.match(
    sentences.yardsticks({ throughput: { ...rest, contestants: without } }),
    /against that of BullMQ, is 0\.8 at concurrency 16\./,
  )
})

test('the goal is out of reach or not, by the rounds in which it is', () => {
  // At 50 µs a job two processors do 40,000 jobs a second.
  assert.match(
    sentences.ifBusy({ throughput: throughput([10_000]) }),
    /would be 4 at .* goal of 1 in every round/,
  )
  const slow = throughput([10_000, 10_000])
  for (const { id, rounds } of slow.contestants) if (id === 'durabl') rounds[0].serverCpu = 1_000
  assert.match(sentences.ifBusy({ throughput: slow }), /goal of 1 in 1 of 2 rounds at concurrency 16/)
})

test('Node.js is charged for the difference only if there is one', () => {
  const equal = throughput([10_000])
  assert.match(
    sentences.costs({ throughput: equal }),
    /50 µs of processor time: 40 µs \(80 %\) of the server/,
  )
  assert.doesNotMatch(sentences.costs({ throughput: equal }), /go to Node\.js/)
  for (const { id, rounds } of equal.contestants) if (id === 'engine') rounds[0].cpu = 4
  assert.match(sentences.costs({ throughput: equal }), /about 6 µs \(12 %\) go to Node\.js/)
})

test('a call has more or less time than an insert', () => {
  const of = (rate) =>
    sentences.calls({
      enqueue: section(...['durabl', 'bullmq'].map((id) => rates({ id, kind: 'single' }, rate))),
      latency: section(contestant({ id: 'driver' }, { inserts: [2] })),
    })
  assert.match(
    of(40_000),
    /At 40,000 jobs\/s a call takes 1\.6 ms .* 2\.0 of 2 processors .* takes 1\.6 ms\. .* be quicker than/,
  )
  assert.match(of(8_000), /a call takes 8 ms\. .* may take longer than an insert/)
})

test('random ids cost more or less, in as many rounds as they do', () => {
  const costing = (id, ...all) =>
    contestant({ id, name: `beside 9 ${id}` }, ...all.map((serverCpu) => ({ serverCpu, addServerCpu: 10 })))
  const variants = section(costing('ended', 10, 10), costing('ended-random', 5, 15))
  assert.match(sentences.ids({ variants }), /beside 9 ended, .* 1 times as much \(more in no round\)/)
  assert.match(sentences.ids({ variants }), /completing it cost 1 times as much \(more in 1 of 2 rounds\)/)
  for (const none of [null, 0])
    assert.equal(
      sentences.ids({ variants: section(costing('ended', none), costing('ended-random', none)) }),
      '',
    )
})

test('the loss of a large backlog is compared in each round', () => {
  const long = (id, ...lasts) => [
    rates({ id, size: 'few' }, ...lasts.map(() => 20_000)),
    contestant(
      { id, size: 'many' },
      ...lasts.map((lastTenth) => ({ rate: 10_000, firstTenth: 100, lastTenth })),
    ),
  ]
  const all = section(...long('durabl', 50, 90), ...long('mongodb', 60, 60))
  const found = sentences.large({ whole: all })
  assert.match(found, /is 0\.5 \(durabl\) and 0\.5 \(bare loop\)\..* is 0\.7 \(durabl\) and 0\.6 \(bare/)
  assert.match(found, /less of its first rate than the loop in 1 of 2 rounds\.$/)
})

test('a full machine is told from one with room', () => {
  const scale = (rate) => ({
    about,
    rates: [],
    workers: [1, 4].map((count) => rates({ id: `workers-${count}` }, rate)),
  })
  assert.match(
    sentences.workers({ scale: scale(38_000) }),
    /four workers 1\.9\. So this machine has little left/,
  )
  assert.doesNotMatch(sentences.workers({ scale: scale(20_000) }), /little left/)
})

/** All sections with each figure changed by `change`, which sees the contestant and the name of the figure. */
function changed({ sections }, change) {
  const round = (one, contestant) =>
    Object.fromEntries(
      Object.entries(one).map(([key, value]) => [
        key,
        typeof value === 'number' ? change(value, contestant, key) : value,
      ]),
    )
  const all = (list) => list?.map((one) => ({ ...one, rounds: one.rounds.map((each) => round(each, one)) }))
  return {
    sections: Object.fromEntries(
      Object.entries(sections).map(([name, known]) => [
        name,
        Object.assign(
          { ...known },
          ...['contestants', 'rates', 'workers'].map((part) => known[part] && { [part]: all(known[part]) }),
        ),
      ]),
    ),
  }
}

/** Without the contestants that this says. */
function without({ sections }, isOut) {
  const some = (list) => list.filter((one) => !isOut(one))
  const parts = (known) =>
    ['contestants', 'rates', 'workers'].map((part) => known[part] && { [part]: some(known[part]) })
  return {
    sections: Object.fromEntries(
      Object.entries(sections).map(([name, known]) => [name, Object.assign({ ...known }, ...parts(known))]),
    ),
  }
}

const stored = readResults('docs/design')
const failed =
  'the server has gone, and with it all that this contestant knew of it, so that nothing of it can be told '
const OTHERS = {
  'as stored': stored,
  'durabl ten times as fast': changed(stored, (value, { id }) =>
    id?.startsWith('durabl') ? value * 10 : value,
  ),
  'durabl at a tenth': changed(stored, (value, { id }) => (id?.startsWith('durabl') ? value / 10 : value)),
  'a server whose processor time is not known': changed(stored, (value, _, key) =>
    /serverCpu/i.test(key) ? null : value,
  ),
  'without BullMQ': without(stored, ({ id }) => id === 'bullmq'),
  'without the references': without(stored, ({ id }) => /^(engine|mongodb)/.test(id)),
  'durabl failed': {
    sections: Object.fromEntries(
      Object.entries(stored.sections).map(([name, known]) => [
        name,
        {
          ...known,
          about: { ...known.about, missing: { bullmq: failed.repeat(3) } },
          ...(known.contestants && {
            contestants: known.contestants.map((one) =>
              one.id === 'durabl' ? { ...one, rounds: [], error: failed.repeat(3) } : one,
            ),
          }),
        },
      ]),
    ),
  },
  nothing: { sections: {} },
  ...Object.fromEntries(
    Object.keys(stored.sections).map((name) => {
      const rest = { ...stored.sections }
      delete rest[name]
      return [`without ${name}`, { sections: rest }]
    }),
  ),
}

for (const [what, results] of Object.entries(OTHERS)) {
  test(`the pages are whole and keep the rules for English: ${what}`, async (t) => {
    const out = mkdtempSync(join(tmpdir(), 'durabl-page-'))
    atEnd(t, () => rmSync(out, { recursive: true, force: true }))
    await writePage(out, results)
    for (const name of ['benchmarks.md', 'benchmarks-notebook.md']) {
      const page = readFileSync(join(out, name), 'utf8')
      assert.doesNotMatch(page, /undefined|NaN|Infinity|null|\{\{/, name)
      assert.deepEqual(paragraphs(page).flatMap(sentencesOf).flatMap(complaintsAbout), [], name)
    }
  })
}

test('figures on other pages are those of the stored results: `npm run bench -- --render` writes them', () => {
  const values = texts(stored.sections)
  for (const path of PAGES) {
    const page = readFileSync(path, 'utf8')
    assert.equal(page, filled(page, values), path)
    assert.match(page, /<!-- figures: /, path)
  }
  assert.throws(() => filled('<!-- figures: none -->\n\n<!-- /figures -->', values), /figures none/)
  assert.equal(texts({}), null)
})

test('the published pages are those of the stored results: `npm run bench -- --render` writes them', async (t) => {
  const out = mkdtempSync(join(tmpdir(), 'durabl-page-'))
  atEnd(t, () => rmSync(out, { recursive: true, force: true }))
  for (const path of await writePage(out, stored)) {
    const name = path.slice(out.length + 1)
    assert.equal(readFileSync(join(out, name), 'utf8'), readFileSync(join('docs/design', name), 'utf8'), name)
  }
})
