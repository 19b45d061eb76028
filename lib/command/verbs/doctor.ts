/** A look at everything that can be wrong with a queue, with advice. */
import { styleText } from '../tools/style'
import { NEGATIVE, atMost, wholeIn } from '../tools/arguments'
import type { Verb } from '../tools/verb'
import { CHECKS } from '../tools/checks'
import type { Finding } from '../tools/findings'
import { printable } from '../tools/output'

const MARKS = {
  good: ['green', '✔'],
  warning: ['yellow', '!'],
  bad: ['red', '✘'],
  skipped: ['dim', '·'],
} as const

export const doctor: Verb = {
  name: 'doctor',
  usage: 'doctor [--visibility-timeout MS]',
  summary: 'what is wrong with the queue, and what to do about it',
  details: `The exit code is 1 if something is bad, not if there are only warnings. It changes nothing.
--visibility-timeout is that of the app's queues, 300000 by default; leases that are older have expired.`,
  options: { 'visibility-timeout': { type: 'string' } },
  check: (values, positionals) => {
    atMost(0, positionals)
    wholeIn(values, 'visibility-timeout', 0)
  },
  async run(context) {
    const { output, values } = context
    const visibilityTimeoutMs = wholeIn(values, 'visibility-timeout', 300_000)
    const findings: Finding[] = []
    for (const { name, look } of CHECKS) {
      const found = await attempted(name, () => look({ ...context, visibilityTimeoutMs }))
      findings.push(...found)
      if (!output.isJson) found.forEach((finding) => output.line(lineOf(finding)))
    }
    if (output.isJson) output.json({ findings })
    const bad = findings.filter(({ state }) => state === 'bad').length
    const warnings = findings.filter(({ state }) => state === 'warning').length
    output.say(bad + warnings === 0 ? 'all is well' : `${bad} bad, ${warnings} to look at`)
    return bad > 0 ? NEGATIVE : 0
  },
}

function lineOf({ check, state, text, fix }: Finding): string {
  const [style, mark] = MARKS[state]
  const rest = (fix ?? []).map((line) => `\n    ${printable(line)}`).join('')
  return `${styleText(style, mark, process.stdout)} ${check.padEnd(13)} ${printable(text)}${rest}`
}

const UNAUTHORIZED = 13

/** A missing right ends one look, not all. An unreachable server ends the command. */
async function attempted(
  check: string,
  look: () => Promise<readonly Omit<Finding, 'check'>[]>,
): Promise<Finding[]> {
  try {
    return (await look()).map((finding) => ({ ...finding, check }))
  } catch (error) {
    const { code, message } = error as { code?: unknown; message: string }
    const isRefused = code === UNAUTHORIZED || code === 'ERR_DURABL_PERMISSION_DENIED'
    if (isRefused) return [{ check, state: 'skipped', text: `this user may not look: ${message}` }]
    if (code === 'ERR_DURABL_UNSUPPORTED') return [{ check, state: 'skipped', text: message }]
    throw error
  }
}
