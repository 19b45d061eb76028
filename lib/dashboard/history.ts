/** What the workers have counted: the last hour of every type, and a day of one. */
import { callOf, ifSupported } from './calls'
import { p95 } from './minutes'
import type { History, TypeRow } from './wire'

export type Hour = Pick<TypeRow, 'completed' | 'failures' | 'p95RunMs' | 'p95WaitMs' | 'waits'>

export async function hourOf(queue: object): Promise<ReadonlyMap<string, Hour>> {
  void queue
  void p95
  void callOf
  void ifSupported
  return new Map()
}

export async function dayOf(queue: object, type: string): Promise<History> {
  void queue
  void type
  return { from: 0, stepMs: 0, completed: [], failed: [], failures: [], runs: [], waits: [] }
}
