/**
 * Makes commands of clients slow, or fail, at every server. A server has one such fail point, so faults that overlap share it: each adds its
 * part, and takes only that away again.
 */
export class FailPoints {
  #nodes
  #wanted = new Set()

  constructor(nodes) {
    this.#nodes = nodes
  }

  /** @returns `undo()`, which resolves to how many commands met it meanwhile, this one's and others' that overlapped */
  async add(data) {
    this.#wanted.add(data)
    const before = await this.#apply()
    return {
      undo: async () => {
        this.#wanted.delete(data)
        const after = await this.#apply()
        const met = after.map((count, n) => (count === null ? 0 : count - (before[n] ?? 0)))
        return met.reduce((sum, count) => sum + Math.max(0, count), 0)
      },
    }
  }

  /** The number of times that each server's had been met before; null for a server that does not answer. */
  #apply() {
    const data = Object.assign({}, ...this.#wanted)
    const mode = this.#wanted.size > 0 ? 'alwaysOn' : 'off'
    return Promise.all(this.#nodes.map((node) => setOn(node, mode, data)))
  }
}

async function setOn({ admin }, mode, data) {
  const order = { configureFailPoint: 'failCommand', mode, ...(mode !== 'off' && { data }) }
  try {
    const { count } = await admin.command(order)
    return Number(count)
  } catch {
    // The server is down, or frozen. When it is healed, the fail point that it may still have is cleared.
    return null
  }
}
