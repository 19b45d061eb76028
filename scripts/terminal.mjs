/** The output of the scripts, and its colours: none unless a person is looking (NO_COLOR and FORCE_COLOR are respected). */
const { env, stdout } = process
const coloured = env.NO_COLOR ? false : env.FORCE_COLOR ? env.FORCE_COLOR !== '0' : stdout.isTTY === true

const paint = (code) => (text) => (coloured ? `\x1b[${code}m${text}\x1b[0m` : String(text))

export const bold = paint(1)
export const dim = paint(2)
export const red = paint(31)
export const green = paint(32)
export const yellow = paint(33)
export const cyan = paint(36)

/** One line, marked as the set-up's own. */
export function say(message) {
  console.log(`${dim('·')} ${message}`)
}

/** `1.4 s`, `2 min 05 s`: how long something took, from milliseconds. */
export function duration(ms) {
  const seconds = ms / 1000
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`
  const whole = Math.round(seconds)
  return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, '0')} s`
}

/** An error that is the user's to solve: printed as one sentence, without a stack. */
export class Advice extends Error {}

/** Runs a script's main function; an error ends the process with code 1. */
export async function main(body) {
  try {
    const code = await body()
    process.exitCode = code ?? 0
  } catch (error) {
    console.error(red(error instanceof Advice ? error.message : error.stack))
    process.exitCode = 1
  }
}
