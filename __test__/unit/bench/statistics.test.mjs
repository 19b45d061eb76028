/** The figures that the benchmarks make of what they measure. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { median, quantile, ratio, spread } from '../../../bench/statistics.mjs'

test('a quantile is a value of the series, or lies between two neighbours, whatever their order', () => {
  const series = [40, 10, 30, 20, 50]
  assert.equal(quantile(series, 0), 10)
  assert.equal(quantile(series, 0.5), 30)
  assert.equal(quantile(series, 1), 50)
  assert.equal(quantile(series, 0.9), 46)
  assert.equal(quantile([7], 0.99), 7)
  assert.deepEqual(series, [40, 10, 30, 20, 50])
})

test('the median of an even number of values is the mean of the middle two', () => {
  assert.equal(median([1, 100, 3, 2]), 2.5)
})

test('of nothing there is no quantile', () => {
  assert.throws(() => quantile([], 0.5), RangeError)
})

test('a ratio is taken round by round, not between medians', () => {
  // In the second round the machine was at half its speed.
  assert.deepEqual(ratio([200, 100, 220], [100, 50, 100]), { median: 2, min: 2, max: 2.2 })
})

test('a round that only one series has is in no ratio', () => {
  assert.deepEqual(ratio([10, 20, 30], [10, 10]), { median: 1.5, min: 1, max: 2 })
})

test('a spread is median, least and greatest', () => {
  assert.deepEqual(spread([3, 1, 2]), { median: 2, min: 1, max: 3 })
})
