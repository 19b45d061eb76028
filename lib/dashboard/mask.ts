/** Fields of payloads that the page never shows. */
import { isRecord } from '../validate/rules'
import { refuse } from './reply'

export const MASK = '(masked)'

const SECRET =
  /pass(word|wd|phrase|code)|^pwd$|secret|token$|^token|authorization|api[-_]?key|private[-_]?key|access[-_]?key|credential|^cookies?$|^session[-_]?id$|^(ssn|cvv|cvc|pin)$|card[-_]?number/i

export const masks = (name: string): boolean => SECRET.test(name)

/**
 * An edited payload with the job's own values in the places where the page showed a mask.
 *
 * @throws Refused if the job has no value for such a place
 */
export function unmasked(edited: unknown, stored: unknown): unknown {
  if (Array.isArray(edited)) {
    return edited.map((entry: unknown, index) =>
      unmasked(entry, Array.isArray(stored) ? (stored as unknown[])[index] : undefined),
    )
  }
  if (!isPlain(edited)) return edited
  const entries = Object.entries(edited).map(([name, value]): [string, unknown] => {
    const before = isRecord(stored) && Object.hasOwn(stored, name) ? stored[name] : undefined
    if (value !== MASK || !masks(name)) return [name, unmasked(value, before)]
    if (before === undefined)
      refuse(400, 'masked', `there is no value for the masked field ${JSON.stringify(name)}`)
    return [name, before]
  })
  return Object.fromEntries(entries)
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return isRecord(value) && Object.getPrototypeOf(value) === Object.prototype
}
