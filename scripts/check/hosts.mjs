/**
 * Checks that the repository depends on no particular mirror or internal address. All hosts in it are known ones, and the lock files of npm
 * name none, as npm resolves packages by the registry of each machine.
 */
import { ownFiles, read } from './files.mjs'

const KNOWN = [
  /^(.+\.)?example\.(com|org|net)$/,
  /^(localhost|127\.0\.0\.1|\[::1\])$/,
  /^(www\.)?(github\.com|mongodb\.com|w3\.org|keepachangelog\.com|semver\.org|json-schema\.org|opentelemetry\.io)$/,
]
const URL_HOST = /\b(?:https?|git|ssh):\/\/(?:[^\s/@"'`]+@)?(\[[^\]]+\]|[^\s/:"'`<>)\]|\\?#]+)/g

/** Lock files carry the home pages of packages, which nothing is fetched from. */
const FOREIGN = ['package-lock.json', 'bench/package-lock.json', 'site/package-lock.json']

function fetchedFrom(lockFile) {
  const { packages } = JSON.parse(read(lockFile))
  const resolved = Object.entries(packages).filter(([, { resolved: url }]) => url?.includes('://'))
  return resolved.map(([path]) => `${lockFile}: ${path} names where it was fetched from`)
}

export async function checkHosts() {
  const complaints = []
  for (const file of await ownFiles()) {
    if (FOREIGN.includes(file)) continue
    for (const [, host] of read(file).matchAll(URL_HOST)) {
      if (!host.includes('$') && !KNOWN.some((known) => known.test(host)))
        complaints.push(`${file}: unknown host ${host}`)
    }
  }
  return complaints.concat(FOREIGN.flatMap(fetchedFrom))
}
