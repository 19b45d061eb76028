/** The place in a dashboard that a path leads to. */

export type Place = 'page' | 'metrics'

const METRICS = '/metrics'

/**
 * @param base the path of the page; null if none was given: behind proxies it may be any
 * @returns null for a path outside of the dashboard
 */
export function placeOf(path: string, base: string | null): Place | null {
  if (base === null) return path.endsWith(METRICS) ? 'metrics' : 'page'
  if (path === base || path === `${base}/`) return 'page'
  return path === `${base}${METRICS}` ? 'metrics' : null
}
