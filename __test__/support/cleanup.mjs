/** Cleaning up in the reverse order of building up: a queue ends before its client, and the client before its server. */
const stacks = new WeakMap()

/** Runs `step` when the test has ended, before the steps that were added earlier. All run, also after one has failed. */
export function atEnd(t, step) {
  if (stacks.has(t)) return void stacks.get(t).push(step)
  const stack = [step]
  stacks.set(t, stack)
  t.after(async () => {
    const failures = []
    while (stack.length > 0) {
      try {
        await stack.pop()()
      } catch (error) {
        failures.push(error)
      }
    }
    if (failures.length > 0)
      throw failures.length === 1 ? failures[0] : new AggregateError(failures, 'clean-up failed')
  })
}
