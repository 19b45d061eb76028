/**
 * A registry that has the platforms' packages and nothing else, so that npm chooses among them as it will among the published ones. A
 * package for which no binary was built is described there, and can't be downloaded.
 */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { platformPackages } from './tarballs.mjs'

function describe({ manifest, tarball }, address) {
  const content = tarball && readFileSync(tarball)
  const dist = {
    tarball: `${address}/${manifest.name}/-/package.tgz`,
    ...(content && { integrity: `sha512-${createHash('sha512').update(content).digest('base64')}` }),
  }
  return {
    name: manifest.name,
    'dist-tags': { latest: manifest.version },
    versions: { [manifest.version]: { ...manifest, dist } },
  }
}

/** @returns its `address` and `close()` */
export async function startRegistry() {
  const packages = new Map(platformPackages().map((entry) => [entry.manifest.name, entry]))
  const server = createServer(({ url }, response) => {
    const [, name, isTarball] =
      decodeURIComponent(url).match(/^\/(@durabl\/[\w-]+)(\/-\/package\.tgz)?$/) ?? []
    const entry = packages.get(name)
    if (!entry || (isTarball && !entry.tarball)) return response.writeHead(404).end('{}')
    if (isTarball) return response.end(readFileSync(entry.tarball))
    const address = `http://127.0.0.1:${server.address().port}`
    // The port may be another registry's the next time.
    response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-store' })
    response.end(JSON.stringify(describe(entry, address)))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const close = async () => {
    server.close()
    server.closeAllConnections()
    await once(server, 'close').catch(() => {})
  }
  return { address: `http://127.0.0.1:${server.address().port}`, close }
}
