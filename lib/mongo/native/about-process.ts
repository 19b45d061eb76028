import { hostname } from 'node:os'
import { VERSION } from '../../base/version'

/** Facts about this process that other processes may read. */
export function aboutProcess(): { host: string; versions: Record<string, string> } {
  const versions: Record<string, string> = { durabl: VERSION, node: process.versions.node }
  const { tz } = process.versions
  if (tz !== undefined) versions['tzdata'] = tz
  // Set by npm for the processes that it starts.
  const app = process.env['npm_package_version']
  if (app !== undefined) versions['app'] = app
  return { host: hostname(), versions }
}
