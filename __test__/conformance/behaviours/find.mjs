import assert from 'node:assert/strict'

export default {
  async 'a job is found by its id, under either name'({ backend }) {
    const id = await backend.enqueue('t', {})
    assert.equal((await backend.findOne({ id })).id, id)
    assert.equal((await backend.findOne({ _id: id })).id, id)
    assert.equal(await backend.findOne({ id: 'nobody' }), null)
  },

  async 'the claim token of a job is not shown, whatever becomes of the job'({ backend }) {
    const id = await backend.enqueue('t', {})
    const shown = async () => 'claimToken' in (await backend.findOne({ id }))
    assert.equal(await shown(), false)
    const { claimToken } = await backend.claimNext('t')
    assert.equal(await shown(), false)
    await backend.complete(id, claimToken)
    assert.equal(await shown(), false)
  },

  async 'a job is found by its own fields, all of them at once'({ backend }) {
    await backend.enqueue('t', 'other')
    await backend.enqueue('t', 'it', { priority: 3, maxAttempts: 9, dedupeKey: 'k', dedupeScope: 'pending' })
    const own = {
      type: 't',
      status: 'pending',
      priority: 3,
      maxAttempts: 9,
      dedupeKey: 'k',
      dedupeScope: 'pending',
      attempt: 0,
    }
    assert.equal((await backend.findOne(own)).data, 'it')
    for (const [field, other] of Object.entries({
      type: 'u',
      status: 'active',
      priority: 4,
      dedupeKey: 'l',
      attempt: 1,
    })) {
      assert.equal(await backend.findOne({ ...own, [field]: other }), null, field)
    }
  },

  async 'a job is found by fields of its payload'({ backend }) {
    const when = new Date(1000)
    const id = await backend.enqueue('t', {
      user: { id: 'u', tags: ['a', 'b'] },
      n: 1,
      when,
      nothing: null,
      list: [{ x: 1 }, { x: 2 }],
    })
    const found = [
      { 'data.user.id': 'u' },
      { 'data.user.tags': 'b' },
      { 'data.user.tags.0': 'a' },
      { 'data.n': 1 },
      { 'data.when': new Date(1000) },
      { 'data.nothing': null },
      { 'data.absent': null },
      { 'data.list.x': 2 },
      { 'data.list.1.x': 2 },
      { type: 't', 'data.n': 1, 'data.user.id': 'u' },
    ]
    for (const query of found) assert.equal((await backend.findOne(query))?.id, id, JSON.stringify(query))
    const notFound = [
      { 'data.user.id': 'v' },
      { 'data.user.tags': 'c' },
      { 'data.user.tags.0': 'b' },
      { 'data.n': '1' },
      { 'data.when': new Date(1001) },
      { 'data.user': 'u' },
      { 'data.n': null },
      { 'data.list.0.x': 2 },
      { 'data.n': 1, 'data.user.id': 'v' },
    ]
    for (const query of notFound) assert.equal(await backend.findOne(query), null, JSON.stringify(query))
  },

  async 'a query without conditions finds any job'({ backend }) {
    assert.equal(await backend.findOne({}), null)
    const id = await backend.enqueue('t', {})
    assert.equal((await backend.findOne({})).id, id)
  },

  async 'a query is no place for operators'({ backend }) {
    await backend.enqueue('t', {})
    for (const query of [
      { type: { $gt: '' } },
      { $where: 'true' },
      { 'data.a': { $exists: false } },
      { type: undefined },
    ]) {
      await assert.rejects(async () => backend.findOne(query), { code: 'ERR_DURABL_INVALID_ARGUMENT' })
    }
  },
}
