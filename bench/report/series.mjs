/** Picks series out of the figures of a section. */
import { quantile, ratio, spread } from '../statistics.mjs'
import { figure } from './charts.mjs'

/** The contestant that has all these properties; undefined if none has, or it has measured nothing. */
export function find(section, wanted) {
  const isIt = (contestant) => Object.entries(wanted).every(([key, value]) => contestant[key] === value)
  return section?.contestants?.find((contestant) => isIt(contestant) && contestant.rounds.length > 0)
}

/** One value of each round. */
export const each = (contestant, field) => contestant?.rounds.map((round) => round[field])

/** One value of each round. Null if there is no round, or if a round lacks the value or could not tell it from 0. */
export function measuredIn(contestant, field) {
  const values = each(contestant, field) ?? []
  return values.length > 0 && values.every((value) => Number.isFinite(value) && value > 0) ? values : null
}

/** A figure over all rounds; null where there is none. */
export function spreadOf(contestant, field) {
  const values = each(contestant, field)?.filter((value) => value !== null && value !== undefined)
  return values?.length > 0 ? spread(values) : null
}

/** A quantile of each round's samples. */
export const quantiles = (contestant, share, field = 'samples') =>
  contestant?.rounds.map((round) => quantile(round[field], share))

/** All samples of all rounds. */
export const pooled = (contestant, field = 'samples') => contestant.rounds.flatMap((round) => round[field])

/** The comparison of two series, round by round; null if one is missing. */
export const compared = (of, to) => (of?.length > 0 && to?.length > 0 ? ratio(of, to) : null)

/** `12,300 (11,900 – 12,800)`; without the brackets if there is no range. */
export function inRange({ median, min, max }) {
  return min === max ? figure(median) : `${figure(median)} (${figure(min)} – ${figure(max)})`
}

/** A table in Markdown; `rest` aligns the columns behind the first, by default as numbers are. */
export function table(head, rows, rest = '--:') {
  const line = (cells) => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map((_, index) => (index === 0 ? '---' : rest))), ...rows.map(line)].join(
    '\n',
  )
}
