/** `ctx.session`: what is read with it includes what was written before the job was made. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { pollUntil } from '../../support/wait.mjs'
import { deferred } from '../../support/async.mjs'
import { WAYS } from '../../support/app.mjs'
import { runner } from './support/run.mjs'

for (const [way, options] of Object.entries(WAYS)) {
  const run = runner(options)

  describe(`ctx.session, driven ${way}`, () => {
    test('is causally consistent, begins after the claim, and ends with the handler', async (t) => {
      let session
      await run(t, async ({ jobs, job, ctx }) => {
        session = await ctx.session()
        assert.equal(await ctx.session(), session)
        assert.equal(session.supports.causalConsistency, true)
        const claim = await jobs.findOne({ _id: job.id }, { session })
        assert.equal(claim.status, 'active')
        // The next reads ask for nothing older than this.
        assert.ok(session.operationTime.getHighBits() > 0)
        assert.notEqual(session.clusterTime, undefined)
        assert.equal(session.hasEnded, false)
        assert.equal(session.inTransaction(), false)
      })
      await pollUntil('it has ended', () => session.hasEnded)
    })

    test('is refused once the handler has ended, as nothing would end it', async (t) => {
      const late = deferred()
      const env = await run(t, async ({ ctx }) => void late.resolve(ctx))
      await env.log.next('completed')
      const refusal = { code: 'ERR_DURABL_TRANSACTION', message: /the handler has ended/ }
      await assert.rejects((await late.promise).session(), refusal)
    })

    test('is no session to enqueue with, as it has no transaction', async (t) => {
      let refusal
      await run(t, async ({ queue, ctx }) => {
        refusal = await queue.enqueue('next', {}, { session: await ctx.session() }).catch((error) => error)
      })
      assert.equal(refusal.name, 'RangeError')
      assert.match(refusal.message, /transaction in progress/)
    })
  })
}
