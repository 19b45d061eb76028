/** The journal methods of a backend, looked up at each call: tests and tracing tools replace them on the object. */
import { OrchestrationUnsupportedError } from '../base/orchestration-errors'
import { fromCaller } from '../base/stack'
import type { IJobQueueBackend, JournalBackend } from '../types'

/** On claimed jobs that have one. Not to be seen in prints and comparisons. */
const JOURNAL = Symbol('durabl.journal')

/** The claim has shown a journal on the job. */
export function markJournal(job: object): void {
  Object.defineProperty(job, JOURNAL, { value: true })
}

/** True if the claim has shown a journal. Only the engine's claims show one. */
export function isMarked(job: object): boolean {
  return JOURNAL in job
}

type Method = keyof JournalBackend

const METHODS: readonly Method[] = ['readSteps', 'appendStep', 'completeClaimed', 'heartbeatClaimed']

/** @throws OrchestrationUnsupportedError naming the missing methods */
export function assertJournalCapable(backend: IJobQueueBackend): void {
  for (const method of METHODS) journalOf(backend, method)
}

/** The backend, as one that has this method. */
export function journalOf<M extends Method>(
  backend: IJobQueueBackend,
  method: M,
): Required<Pick<JournalBackend, M>> {
  if (typeof backend[method] !== 'function') throw fromCaller(new OrchestrationUnsupportedError(method))
  return backend as unknown as Required<Pick<JournalBackend, M>>
}
