/** The benchmarks' own command, on few jobs: that it measures, writes its page, and leaves nothing behind. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { help, parseOptions } from '../../../bench/options.mjs'
import { fates } from '../../../bench/results.mjs'
import { runNode } from '../../support/child.mjs'
import { atEnd } from '../../support/cleanup.mjs'

const FEW = ['--peers', 'durabl', '--concurrency', '16', '--no-references', '--size', '0.005', '--runs', '1']

function folder(t) {
  const path = mkdtempSync(join(tmpdir(), 'durabl-bench-'))
  atEnd(t, () => rmSync(path, { recursive: true, force: true }))
  return path
}

const bench = (...args) => runNode(['bench/run.mjs', ...args], { timeoutMs: 60_000 })

test('the command measures, keeps the figures and writes a page and charts from them', async (t) => {
  const out = folder(t)
  const { code, stdout, stderr } = await bench(...FEW, '--only', 'throughput,enqueue', '--out', out)
  assert.equal(code, 0, stdout + stderr)

  const { sections } = JSON.parse(readFileSync(join(out, 'benchmarks.json'), 'utf8'))
  for (const section of ['throughput', 'enqueue']) {
    for (const { title, rounds, error } of sections[section].contestants) {
      assert.equal(error, undefined, title)
      assert.equal(rounds.length, 1, title)
      assert.ok(
        rounds.every(({ rate, cpu }) => rate > 0 && cpu > 0),
        title,
      )
    }
  }
  const page = readFileSync(join(out, 'benchmarks-notebook.md'), 'utf8')
  assert.match(page, /\| durabl with change streams +\| +– \| +[1-9][\d,]* \|/)
  assert.doesNotMatch(page, /failed|\{\{/)
  assert.match(
    readFileSync(join(out, 'benchmarks-throughput.svg'), 'utf8'),
    /<rect class="s1"[^>]* width="[1-9]/,
  )

  writeFileSync(join(out, 'benchmarks-notebook.md'), '')
  const rendered = await bench('--render', '--out', out)
  assert.equal(rendered.code, 0, rendered.stderr)
  assert.equal(readFileSync(join(out, 'benchmarks-notebook.md'), 'utf8'), page)
})

test('the page has a table of the figures that decide for an app, one column for each way', async (t) => {
  const out = folder(t)
  const { code, stdout, stderr } = await bench(
    ...FEW,
    '--only',
    'daily',
    '--questions',
    'local,types,idle',
    '--out',
    out,
  )
  assert.equal(code, 0, stdout + stderr)

  const { sections } = JSON.parse(readFileSync(join(out, 'benchmarks.json'), 'utf8'))
  for (const { title, rounds, error } of sections.daily.contestants) {
    assert.equal(error, undefined, title)
    assert.ok(rounds[0].value > 0, title)
  }
  const page = readFileSync(join(out, 'benchmarks.md'), 'utf8')
  assert.match(page, /\| one process adds, .*, jobs\/s +\| +[1-9][\d,.]* \| +[1-9][\d,.]* \| +– \|/)
  assert.match(page, /\| an idle worker, .* \| +[1-9][\d,.]* \| +– \| +[1-9][\d,.]* \|/)
  assert.doesNotMatch(page, /failed|undefined|NaN|\{\{/)
})

test('a whole backlog and its variants are measured from the first job to the last', async (t) => {
  const out = folder(t)
  const { code, stdout, stderr } = await bench(...FEW, '--only', 'variants,whole', '--out', out)
  assert.equal(code, 0, stdout + stderr)

  const { sections } = JSON.parse(readFileSync(join(out, 'benchmarks.json'), 'utf8'))
  for (const { title, rounds, error } of sections.variants.contestants) {
    assert.equal(error, undefined, title)
    assert.ok(rounds[0].rate > 0 && rounds[0].addRate > 0, title)
  }
  for (const { title, size, jobs, rounds, error } of sections.whole.contestants) {
    assert.equal(error, undefined, title)
    assert.equal(jobs, { few: 50, many: 5_000 }[size], title)
    if (size === 'many') assert.ok(rounds[0].firstTenth > 0 && rounds[0].lastTenth > 0, title)
  }
  const page = readFileSync(join(out, 'benchmarks-notebook.md'), 'utf8')
  assert.match(page, /\| durabl, tuned server +\| 5,000 \| +[1-9]/)
  assert.match(page, /\| random ids, beside 1,000 completed jobs +\| +[1-9]/)
  assert.doesNotMatch(page, /failed|undefined|NaN|\{\{/)
})

for (const [args, sentence] of [
  [['--peers', 'durable'], /^--peers takes a list of durabl, bullmq, .*; it got "durable"\.$/],
  [['--only', ''], /^--only takes a list of throughput, .*; it got ""\.$/],
  [['--runs', '1.5'], /^--runs takes a whole number above 0; it got "1\.5"\.$/],
  [['--size', '2'], /^--size takes a number above 0, at most 1; it got "2"\.$/],
]) {
  test(`${args.join(' ')} is refused in one sentence`, () => {
    assert.throws(() => parseOptions(args), { message: sentence })
  })
}

test('the large backlogs are measured only when asked for', () => {
  const { sections } = parseOptions([])
  assert.ok(sections.includes('throughput') && !sections.includes('scale') && !sections.includes('whole'))
  assert.deepEqual(parseOptions(['--only', 'whole,scale']).sections, ['scale', 'whole'])
  assert.deepEqual(
    new Set(parseOptions(['--only', 'all']).sections),
    new Set([...sections, 'daily', 'scale', 'whole']),
  )
  assert.match(help, /all but daily and scale and whole by default/)
})

test('a run tells which stored sections it replaces, and which stay', () => {
  const of = (date, commit) => ({ about: { date, versions: { commit } } })
  const stored = { sections: { daily: of('2026-01-02', 'abc'), whole: of('2026-01-03', 'def') } }
  assert.deepEqual(fates(stored, ['daily', 'scale']), [
    'replaced, each as a whole: daily (2026-01-02, abc)',
    'stay as they are: whole (2026-01-03, def)',
  ])
  assert.deepEqual(fates({ sections: {} }, ['daily']), [])
})

test('less than everything is not published', () => {
  assert.equal(parseOptions([]).out, 'docs/design')
  assert.equal(parseOptions(['--only', 'scale,whole']).out, 'docs/design')
  for (const args of [['--peers', 'durabl'], ['--runs', '4'], ['--size', '0.5'], ['--no-references']]) {
    assert.equal(parseOptions(args).out, 'target/bench')
  }
})
