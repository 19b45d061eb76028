/**
 * Explanations for a refused call. Either there was a fault of servers or network, the code says so, and the call had waited for as long as
 * calls do. Or its process was asked to end. A fault of processes alone explains nothing.
 */
import { TOLERANCE_MS } from './tolerance.mjs'

/** Faults by which a server may be away, slow or unwilling, or an answer lost. One that is not here leaves calls alone. */
const DISTURBING = new Set([
  ...['step-down', 'primary killed', 'primary frozen', 'primary cut off', 'outage', 'outage of a minute'],
  ...['replies lost', 'connections broken', 'writes late', 'server slow', 'commands refused'],
])

export const isDisturbing = (fault) => DISTURBING.has(fault)

/** The answer of an engine that has tried again and again: the last of its failures. */
const UNAVAILABLE = ['ERR_DURABL_CONNECTION', 'ERR_DURABL_TIMEOUT']

/** A server said no: to an operation, or to the confirmation of a write. */
const REFUSED = ['ERR_DURABL_SERVER', 'ERR_DURABL_WRITE_FAILED']

/** A server's own words for "try again", as the drivers' specifications list them. */
const TRY_AGAIN = new Set([
  ...[6, 7, 24, 50, 89, 91, 112, 189, 262, 384, 9001, 10_058, 10_107, 11_600, 11_602, 13_435, 13_436],
])

/** From the end of a fault until a server is found again: an election, and until clients have heard of it. */
const AFTERMATH_MS = 15_000

/** The time for which calls wait for a server, by default, but for a last pause for which there would be no time. */
const PATIENCE_MS = 29_000

const saysSo = ({ code, serverCode }) =>
  UNAVAILABLE.includes(code) || (REFUSED.includes(code) && TRY_AGAIN.has(serverCode))

const wasAskedToEnd = (endings, by, at) =>
  endings.some((ending) => ending.of === by && ending.at <= at + TOLERANCE_MS)

/**
 * Why an error of a process is nothing that was to be expected; null if it was.
 *
 * @param error its `code` and, where a server said no, its `serverCode`
 * @param during whose it was (`by`), and the time in which it came about, `from` and `to`
 */
export function surprise(error, { by, from, to }, { faults, endings }) {
  if (error.code === 'ERR_DURABL_SHUT_DOWN')
    return wasAskedToEnd(endings, by, to) ? null : `${by} had not been asked to end`
  if (!saysSo(error)) return 'nothing that is done explains that'
  const isNear = ({ fault, at, until }) =>
    isDisturbing(fault) && at <= to + TOLERANCE_MS && (until ?? Infinity) + AFTERMATH_MS >= from
  return faults.some(isNear) ? null : 'nothing had been done to servers or network'
}

/** The same for a call, which waits before it gives up. */
export function surpriseOfCall(call, story) {
  const why = surprise(call, call, story)
  if (why !== null || call.code === 'ERR_DURABL_SHUT_DOWN') return why
  const waited = call.to - call.from
  return waited < PATIENCE_MS ? `it had waited for ${Math.round(waited)} ms only` : null
}
