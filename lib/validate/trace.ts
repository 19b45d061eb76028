/** The context of a trace, as the headers of W3C Trace Context carry it. */
import type { JobTrace } from '../types'
import { isRecord } from './rules'
import type { Rule } from './rules'

/** Version, trace id, span id, flags: lower case, by the specification; neither id is all zeros. */
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/
/** The length that the specification asks every system to carry. */
const LONGEST_STATE = 512
/** One line of ASCII characters that can be seen. */
const TRACESTATE = /^[ -~]+$/

export const TRACE: Rule<JobTrace> = {
  allowed:
    "{ traceparent, tracestate? } as W3C Trace Context has them, such as { traceparent: '00-<32 hex>-<16 hex>-01' }",
  read: (value) => {
    if (!isRecord(value)) return { wrong: 'type' }
    const { traceparent, tracestate, ...others } = value
    if (typeof traceparent !== 'string' || Object.keys(others).length > 0) return { wrong: 'type' }
    if (!TRACEPARENT.test(traceparent)) return { wrong: 'range' }
    if (tracestate === undefined || tracestate === '') return { value: { traceparent } }
    if (typeof tracestate !== 'string') return { wrong: 'type' }
    if (tracestate.length > LONGEST_STATE || !TRACESTATE.test(tracestate)) return { wrong: 'range' }
    return { value: { traceparent, tracestate } }
  },
}
