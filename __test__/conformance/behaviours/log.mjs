import assert from 'node:assert/strict'

const messages = async (backend, id) => (await backend.findOne({ id })).logs.map(({ message }) => message)

async function claimed(backend) {
  await backend.enqueue('t', {})
  return backend.claimNext('t')
}

export default {
  async 'lines are kept in order, with their time'({ backend }) {
    const { id, claimToken } = await claimed(backend)
    for (const line of ['one', 'two', '']) await backend.log(id, line, claimToken)
    assert.deepEqual(await messages(backend, id), ['one', 'two', ''])
    const { logs } = await backend.findOne({ id })
    for (const { timestamp } of logs) assert.ok(Math.abs(timestamp.getTime() - Date.now()) < 60_000)
  },

  async 'a line may hold anything'({ backend }) {
    const { id } = await claimed(backend)
    const lines = ['$$NOW', '{"$set":1}', 'a.b', '🙂\n\ttab']
    for (const line of lines) await backend.log(id, line)
    assert.deepEqual(await messages(backend, id), lines)
  },

  async 'a long line is cut between characters'({ backend }) {
    const { id } = await claimed(backend)
    await backend.log(id, 'é'.repeat(5000))
    await backend.log(id, `x${'é'.repeat(5000)}`)
    assert.deepEqual(await messages(backend, id), ['é'.repeat(2000), `x${'é'.repeat(1999)}`])
  },

  async 'the newest thousand lines are kept'({ backend }) {
    const { id } = await claimed(backend)
    for (let n = 0; n < 1003; n += 1) await backend.log(id, String(n))
    const kept = await messages(backend, id)
    assert.deepEqual([kept.length, kept[0], kept.at(-1)], [1000, '3', '1002'])
  },

  async 'who has lost the lease logs nothing'({ backend }) {
    const { id } = await claimed(backend)
    await backend.log(id, 'not mine', 'wrong')
    assert.deepEqual(await messages(backend, id), [])
  },

  async 'a line for nobody harms nobody'({ backend }) {
    await backend.log('nobody', 'a line')
    assert.equal(await backend.findOne({ id: 'nobody' }), null)
  },

  async 'a log outlives a retry'({ backend }) {
    const { id, claimToken } = await claimed(backend)
    await backend.log(id, 'first', claimToken)
    await backend.release(id, claimToken)
    const again = await backend.claimNext('t')
    await backend.log(id, 'second', again.claimToken)
    assert.deepEqual(await messages(backend, id), ['first', 'second'])
  },
}
