/** The output of a command: data on stdout, words on stderr. */
import { styleText } from './style'
import type { Style } from './style'
import { plainOf } from '../../dashboard/ejson'

export class Output {
  constructor(readonly isJson: boolean) {}

  /** A form for people and for `grep`. */
  line(text: string): void {
    process.stdout.write(`${text}\n`)
  }

  /** One value of data, as EJSON on one line. */
  json(value: unknown): void {
    process.stdout.write(`${JSON.stringify(plainOf(value))}\n`)
  }

  /** Data, as JSON or in words. */
  data(value: unknown, words: () => void): void {
    if (this.isJson) this.json(value)
    else words()
  }

  /** A remark, which is no data. */
  say(text: string): void {
    process.stderr.write(`${text}\n`)
  }

  problem(text: string): void {
    process.stderr.write(`${styleText('red', 'error:', process.stderr)} ${printable(text)}\n`)
  }

  styled(style: Style, text: string): string {
    return styleText(style, text, process.stdout)
  }

  /** Columns as wide as their content; the last is not padded. */
  table(head: readonly string[], rows: readonly (readonly string[])[]): void {
    const all = [head, ...rows].map((row) => row.map(printable))
    const widths = head.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)))
    for (const [index, row] of all.entries()) {
      const text = row.map((cell, column) =>
        column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0),
      )
      const joined = text.join('  ').trimEnd()
      this.line(index === 0 ? this.styled('dim', joined) : joined)
    }
  }
}

/** Names come from the database: a control character in one must not move a terminal's cursor. */
export const printable = (text: string): string =>
  text.replace(
    /[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )

/** In UTC, so that two people see the same. */
export const iso = (at: Date | null | undefined): string => at?.toISOString() ?? '-'

export function length(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`
  if (ms < 120_000) return `${(ms / 1000).toFixed(1)} s`
  return ms < 7_200_000 ? `${Math.round(ms / 60_000)} min` : `${(ms / 3_600_000).toFixed(1)} h`
}
