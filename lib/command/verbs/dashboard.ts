/** The dashboard, served to this machine, and with a password to others too. */
import { spawn } from 'node:child_process'
import { createHash, timingSafeEqual } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createDashboard } from '../../dashboard'
import { UsageError, atMost, textIn, wholeIn } from '../tools/arguments'
import type { Values } from '../tools/arguments'
import type { Verb } from '../tools/verb'
import { untilAborted } from '../tools/wait'

const LOCAL = ['127.0.0.1', '::1', 'localhost']

const passwordIn = (values: Values) => textIn(values, 'password') ?? process.env.DURABL_DASHBOARD_PASSWORD

export const dashboard: Verb = {
  name: 'dashboard',
  usage: 'dashboard [--port 8421] [--host 127.0.0.1] [--read-only] [--open]',
  summary: 'a page that shows the queue and steers it',
  details: `The page is served to this machine only. Another --host needs a password: DURABL_DASHBOARD_PASSWORD, or --password, which
other users of the machine can see. Any user name will do. --port 0 takes a free port.`,
  options: {
    port: { type: 'string' },
    host: { type: 'string' },
    password: { type: 'string' },
    'read-only': { type: 'boolean' },
    open: { type: 'boolean' },
  },
  check: (values, positionals) => {
    atMost(0, positionals)
    wholeIn(values, 'port', 0, 65_535)
    const host = textIn(values, 'host') ?? LOCAL[0]
    if (!LOCAL.includes(host as string) && !passwordIn(values)) {
      throw new UsageError(`Others can reach ${host}: set DURABL_DASHBOARD_PASSWORD first`)
    }
  },
  async run({ values, queue, db, collection, output, signal }) {
    const status = values['read-only'] === true ? 'read' : 'full'
    const badge = `${db.databaseName}.${collection.collectionName}`
    const page = createDashboard({
      queue,
      badge,
      authorize: () => ({ status, user: process.env.USER ?? 'command line' }),
    })
    const password = passwordIn(values)
    const server = createServer((request, response) => {
      if (isLetIn(request, password)) return page.node(request, response)
      const headers =
        password === undefined ? {} : { 'www-authenticate': 'Basic realm="durabl", charset="UTF-8"' }
      response.writeHead(password === undefined ? 403 : 401, headers).end('You may not see this page.\n')
    })
    server.listen(wholeIn(values, 'port', 8421, 65_535), textIn(values, 'host') ?? LOCAL[0])
    await once(server, 'listening').catch(refused)
    const { address, port, family } = server.address() as AddressInfo
    const url = `http://${family === 'IPv6' ? `[${address}]` : address}:${port}/`
    output.data({ url }, () => output.line(`The dashboard is at ${url}`))
    output.say('Ctrl-C ends it')
    if (values.open === true) open(url)
    await untilAborted(signal)
    server.close()
    server.closeAllConnections()
    return 0
  },
}

/** The mistake is in the call, and not the server's. */
function refused(error: NodeJS.ErrnoException): never {
  const { code, message } = error
  if (code === 'EADDRINUSE')
    throw new UsageError('The port is in use: name another one by --port, or 0 for a free one')
  if (code === 'EACCES' || code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') throw new UsageError(message)
  throw error
}

/**
 * Without a password only this machine can connect. But a page of another site could make a name of its own point here, so the request must
 * name this machine.
 */
function isLetIn({ headers }: IncomingMessage, password: string | undefined): boolean {
  if (password === undefined) return isLocalName(headers.host)
  const given = /^Basic ([\w+/=]+)$/i.exec(headers.authorization ?? '')?.[1]
  if (given === undefined) return false
  const text = Buffer.from(given, 'base64').toString('utf8')
  return isEqual(text.slice(text.indexOf(':') + 1), password)
}

function isLocalName(host: string | undefined): boolean {
  const name = host?.replace(/:\d+$/, '').replace(/^\[|\]$/g, '')
  return name !== undefined && LOCAL.includes(name)
}

/** The comparison takes the same time for each wrong password. */
function isEqual(one: string, other: string): boolean {
  const [a, b] = [one, other].map((text) => createHash('sha256').update(text).digest())
  return timingSafeEqual(a as Buffer, b as Buffer)
}

function open(url: string): void {
  const commands: Partial<Record<NodeJS.Platform, readonly string[]>> = {
    darwin: ['open'],
    win32: ['cmd', '/c', 'start', ''],
  }
  const [command = 'xdg-open', ...args] = commands[process.platform] ?? []
  const child = spawn(command, [...args, url], { stdio: 'ignore', detached: true })
  // There may be no browser; the address was printed.
  child.on('error', () => {})
  child.unref()
}
