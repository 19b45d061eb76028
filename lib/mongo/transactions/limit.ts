/** The server's limit on the life of a transaction. */
import type { Db, Document } from 'mongodb'
import { monotonicNow } from '../../base/timers'

/** The server's default, for a server that does not say. */
const DEFAULT_MS = 60_000
/** The limit can be changed while the server runs, and the next primary may have another. */
const KNOWN_FOR_MS = 60_000

/**
 * Replies that stay the same: some users may not ask, and a mongos does not know the parameter. The stable API and some hosted servers have no
 * such command.
 */
const REFUSALS: Readonly<Record<number, true>> = {
  ...{ 13: true /* Unauthorized */, 59: true /* CommandNotFound */, 72: true /* InvalidOptions */ },
  ...{ 115: true /* CommandNotSupported */, 323: true /* APIStrictError */, 8000: true /* AtlasError */ },
}

export class TransactionLimit {
  private known: { readonly ms: number; readonly until: number } | null = null
  private asking: Promise<number> | null = null

  constructor(private readonly now: () => number = monotonicNow) {}

  /** @throws the driver's error, if the server can't be asked now: a guess would make leases too long or too short */
  async ms(db: Db): Promise<number> {
    if (this.known !== null && this.now() < this.known.until) return this.known.ms
    this.asking ??= this.ask(db).finally(() => (this.asking = null))
    return this.asking
  }

  private async ask(db: Db): Promise<number> {
    const until = this.now() + KNOWN_FOR_MS
    const ms = await limitOf(db).catch((error) => {
      if (isUnreachable(error)) throw error
      // As the driver does with reads, but not with commands: a pooled connection may be one that a failover has broken.
      return limitOf(db)
    })
    this.known = { ms, until }
    return ms
  }
}

async function limitOf(db: Db): Promise<number> {
  const reply = await replyOf(db)
  const seconds = Number(reply?.transactionLifetimeLimitSeconds)
  return Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : DEFAULT_MS
}

/** Null if the server will not tell. */
async function replyOf(db: Db): Promise<Document | null> {
  try {
    return await db.admin().command({ getParameter: 1, transactionLifetimeLimitSeconds: 1 })
  } catch (error) {
    if (isRefusal(error)) return null
    throw error
  }
}

/** The driver has waited already, for as long as the app lets it. */
function isUnreachable(error: unknown): boolean {
  return (error as { name?: unknown } | null)?.name === 'MongoServerSelectionError'
}

function isRefusal(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code
  return typeof code === 'number' && code in REFUSALS
}
