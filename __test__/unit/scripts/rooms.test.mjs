/** The check of rooms: it must see an arrow that leads up, and a circle. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { circles, roomArrows, upwardArrows } from '../../../scripts/check/rooms.mjs'

const FLOORS = [['attic'], ['east', 'west'], ['cellar']]
const roomOf = (file) => file.split('/')[0]
const complaints = (graph) => upwardArrows(new Map(Object.entries(graph)), FLOORS, roomOf)
const circlesOf = (graph) => circles(new Map(Object.entries(graph)))

describe('arrows', () => {
  test('lead down, over any number of floors, and within a room', () => {
    const graph = {
      'attic/a': ['east/a', 'cellar/a', 'attic/b'],
      'attic/b': [],
      'east/a': ['cellar/a'],
      'cellar/a': [],
    }
    assert.deepEqual(complaints(graph), [])
  })

  test('may not lead up', () => {
    assert.deepEqual(complaints({ 'attic/a': [], 'cellar/a': ['attic/a'] }), [
      'cellar/a imports attic/a: cellar may import only what lies below it',
    ])
  })

  test('may not lead to a neighbour', () => {
    assert.deepEqual(complaints({ 'east/a': ['west/a'], 'west/a': [] }), [
      'east/a imports west/a: east may import only what lies below it',
    ])
  })

  test('are shown once for each pair of rooms', () => {
    const graph = new Map([
      ['attic/a', ['east/a', 'attic/b']],
      ['attic/b', ['east/a']],
      ['east/a', []],
    ])
    assert.deepEqual(roomArrows(graph, roomOf), ['attic → east'])
  })
})

test('a file in a room that is on no floor is named', () => {
  assert.deepEqual(complaints({ 'shed/a': [] }), ['shed/a is in no room: shed is not on any floor'])
})

describe('circles', () => {
  test('a graph without one has none', () => {
    assert.deepEqual(circlesOf({ a: ['b', 'c'], b: ['c'], c: [] }), [])
  })

  test('of two files', () => {
    assert.deepEqual(circlesOf({ a: ['b'], b: ['a'] }), ['a circle of imports: a → b → a'])
  })

  test('of three, by the shortest way round', () => {
    const [complaint, ...others] = circlesOf({ a: ['b'], b: ['c', 'd'], c: ['a'], d: ['c'] })
    assert.deepEqual(others, [])
    assert.equal(complaint, 'a circle of imports: a → b → c → a')
  })

  test('of a file with itself', () => {
    assert.deepEqual(circlesOf({ a: ['a'] }), ['a circle of imports: a → a'])
  })

  test('each one is told', () => {
    assert.equal(circlesOf({ a: ['b'], b: ['a'], c: ['d'], d: ['c', 'a'] }).length, 2)
  })
})
