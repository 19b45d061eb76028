/** The metrics of a queue, for Prometheus: of the same moment for all requests. */
import { prometheusText } from '../backend/prometheus'
import type { IJobQueueBackend } from '../types'
import type { Rights } from './access'
import type { Shelf } from './queues'
import { refuse, reply } from './reply'
import type { Reply } from './reply'

export async function metrics(
  request: Request,
  { metrics: memo, queue }: Shelf,
  rights: Rights,
): Promise<Reply> {
  if (request.method !== 'GET' && request.method !== 'HEAD')
    return reply(405, '', 'text/plain', { allow: 'GET, HEAD' })
  if (rights.types !== null)
    refuse(403, 'denied', 'metrics cover all types, and you may see only some of them')
  const text = await memo.get('', () => prometheusText(queue as { readonly backend: IJobQueueBackend }))
  return reply(200, text, 'text/plain; version=0.0.4; charset=utf-8')
}
