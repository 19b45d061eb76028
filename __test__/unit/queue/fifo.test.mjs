/** The queue that claimed jobs wait in, held against an array that is pushed and shifted. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Fifo } from '../../../dist/driver/fifo.js'
import { drawing } from '../../support/random.mjs'

/** Takes the next item out of both, and fails unless it is the same. */
function takeOne(fifo, array) {
  assert.equal(fifo.shift(), array.shift())
  assert.equal(fifo.length, array.length)
}

function addOne(fifo, array, item) {
  fifo.push(item)
  array.push(item)
}

describe('a FIFO gives its items in the order they came', () => {
  for (const backlog of [1, 2, 1023, 1024, 1025, 1500, 5000]) {
    test(`with ${backlog} items that wait, for 20,000 items`, () => {
      const [fifo, array] = [new Fifo(), []]
      let next = 0
      while (next < backlog) addOne(fifo, array, next++)
      while (next < 20_000) {
        takeOne(fifo, array)
        addOne(fifo, array, next++)
      }
      while (array.length > 0) takeOne(fifo, array)
      assert.equal(fifo.shift(), undefined)
      assert.equal(fifo.length, 0)
    })
  }

  for (const seed of [1, 2, 3, 4]) {
    test(`in bursts of any size (seed ${seed})`, () => {
      const { between } = drawing(seed)
      const [fifo, array] = [new Fifo(), []]
      for (let burst = 0, next = 0; burst < 20; burst += 1) {
        for (let n = between(0, 3000); n > 0; n -= 1) addOne(fifo, array, next++)
        for (let n = between(0, 3000); n > 0 && array.length > 0; n -= 1) takeOne(fifo, array)
      }
      while (array.length > 0) takeOne(fifo, array)
      assert.equal(fifo.shift(), undefined)
    })
  }
})
