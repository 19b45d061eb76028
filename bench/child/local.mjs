/** One process that adds jobs and works on them. */
import consume from './consume.mjs'
import produce from './produce.mjs'

export default async function local({ open, parent, ...options }) {
  const queue = await open()
  const within = { ...options, open: async () => queue }
  const consumed = consume({ ...within, parent: { ready: async () => {} } })
  const { calls } = await produce({ ...within, parent })
  return { calls, ...(await consumed) }
}
