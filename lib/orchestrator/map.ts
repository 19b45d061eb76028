/** One step for each item of a list. */
import type { Place } from './host'
import type { StepMachine } from './machine'
import type { StepFunction, StepSettings } from './step'

/** The step of one item; its place is taken. */
export interface ItemStep {
  readonly place: Place
  readonly name: string
  readonly run: StepFunction
  readonly settings: StepSettings
}

/**
 * Runs the steps in their order, a limited number at once.
 *
 * @param collects a failure is a value; else the first one is thrown, and no further step begins
 */
export async function mapItems(
  machine: StepMachine,
  steps: readonly ItemStep[],
  concurrency: number,
  collects: boolean,
): Promise<unknown[]> {
  const results = new Array<unknown>(steps.length)
  const waiting = steps.entries()
  let hasFailed = false
  const work = async (): Promise<void> => {
    for (const [index, { place, name, run, settings }] of waiting) {
      if (hasFailed) return
      try {
        machine.mayBegin()
        results[index] = collects
          ? asCollected(await machine.tryStep(place, name, run, settings))
          : await machine.step(place, name, run, settings)
      } catch (error) {
        hasFailed = true
        throw error
      }
    }
  }
  const workers = Array.from({ length: Math.min(concurrency, steps.length) }, work)
  const all = Promise.all(workers)
  await machine.whileBranching(all)
  return results
}

function asCollected(value: unknown): unknown {
  const { status, error } = value as { status: string; error?: { message: string } }
  return status === 'ok' ? value : { status: 'failed', reason: error?.message ?? '' }
}
