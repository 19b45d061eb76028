/** TLS material on its way to the engine, whose library reads PEM only: one text of certificates to trust, one of certificate and key. */
import { createHash, createPrivateKey, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import * as tls from 'node:tls'
import type { NativeConnection } from '../native/addon'
import type { ResolvedOptions } from './resolved-options'

type Tls = Pick<
  NativeConnection,
  | 'tls'
  | 'tlsCaFile'
  | 'tlsCa'
  | 'tlsCertificateKeyFile'
  | 'tlsCertificateKey'
  | 'tlsCertificateKeyPassword'
  | 'tlsAllowInvalidCertificates'
  | 'tlsAllowInvalidHostnames'
>

const PLAIN: Tls = {
  tls: false,
  tlsCaFile: null,
  tlsCa: null,
  tlsCertificateKeyFile: null,
  tlsCertificateKey: null,
  tlsCertificateKeyPassword: null,
  tlsAllowInvalidCertificates: false,
  tlsAllowInvalidHostnames: false,
}

/** The client's settings for protecting its connections. Those that can't be carried over are added to `refused`. */
export function tlsOf(options: ResolvedOptions, refused: string[]): Tls {
  if (options.tls !== true) return PLAIN
  const mistaken = (['tlsCAFile', 'tlsCertificateKeyFile'] as const).filter((name) => isPem(options[name]))
  // No file has such a name, and a reader that fails would quote it: a key must not get into a message.
  for (const name of mistaken)
    refused.push(`${name}: it must be the path of a file; PEM text goes into ca, cert and key`)
  if (mistaken.length > 0) return PLAIN
  return {
    ...PLAIN,
    tls: true,
    ...trustOf(options, refused),
    ...identityOf(options, refused),
    // Without the certificate, its name isn't checked either: by Node as by the engine.
    tlsAllowInvalidCertificates: options.rejectUnauthorized === false,
  }
}

function trustOf(options: ResolvedOptions, refused: string[]): Pick<Tls, 'tlsCa' | 'tlsCaFile'> {
  // A client that has connected holds the file's text in `ca`, unless it was given a `ca` as well: then that one counts.
  if (options.ca == null && options.tlsCAFile !== undefined) {
    return { tlsCaFile: options.tlsCAFile, tlsCa: null }
  }
  const ca = options.ca == null ? trustedByNode() : pemOf(options.ca)
  if (ca === undefined || (ca !== null && !isPem(ca)))
    refused.push('ca: it must be PEM text, as a string, a Buffer, or a list of them')
  return { tlsCaFile: null, tlsCa: ca ?? null }
}

/**
 * Certificates that Node trusts by default, if they differ from Mozilla's list, which the engine has too. NODE_EXTRA_CA_CERTS,
 * --use-system-ca or a call at run time may change them. Null if they are that list.
 */
export function trustedByNode(): Buffer | null {
  const { getCACertificates } = tls as {
    getCACertificates?: (type: 'default' | 'bundled') => readonly string[]
  }
  if (getCACertificates !== undefined) {
    const trusted = getCACertificates('default')
    const known = new Set(getCACertificates('bundled'))
    const isKnownList =
      trusted.length === known.size && trusted.every((certificate) => known.has(certificate))
    return isKnownList ? null : joined([...trusted])
  }
  const extra = process.env.NODE_EXTRA_CA_CERTS
  if (extra === undefined || extra === '') return null
  try {
    return joined([...tls.rootCertificates, readFileSync(extra, 'utf8')])
  } catch {
    // Node ignores a file that it can't read, after a warning.
    return null
  }
}

type Identity = Pick<Tls, 'tlsCertificateKeyFile' | 'tlsCertificateKey' | 'tlsCertificateKeyPassword'>

const ANONYMOUS: Identity = {
  tlsCertificateKeyFile: null,
  tlsCertificateKey: null,
  tlsCertificateKeyPassword: null,
}

/** The client's certificate and key. */
function identityOf(options: ResolvedOptions, refused: string[]): Identity {
  const { passphrase, tlsCertificateKeyFile } = options
  const isInMemory = options.cert != null && options.key != null
  if (!isInMemory && passphrase === undefined) {
    return { ...ANONYMOUS, tlsCertificateKeyFile: tlsCertificateKeyFile ?? null }
  }
  const material = isInMemory ? materialOf(options) : fileOf(options, refused)
  if (material === null) return ANONYMOUS
  const { cert, key } = material
  if (cert === undefined || key === undefined) {
    refused.push(`${cert === undefined ? 'cert' : 'key'}: it must be one PEM text, as a string or a Buffer`)
    return ANONYMOUS
  }
  try {
    return sealed(cert, key, passphrase)
  } catch (error) {
    const name = passphrase === undefined ? 'key' : 'key (with its passphrase)'
    refused.push(`${name}: it can't be read: ${(error as Error).message}`)
    return ANONYMOUS
  }
}

/** Identities that were sealed before, by their contents: engines share a client only if they get the very same bytes. */
const SEALED = new Map<string, Identity>()

/**
 * Certificate and key as one text, the key encrypted by a password that exists in this process only. The engine hands the text to its library
 * by a temporary file. Every older encryption of keys becomes the one that the library reads.
 */
function sealed(cert: Buffer, key: Buffer, passphrase: string | undefined): Identity {
  const contents = createHash('sha256')
    .update(cert)
    .update(key)
    .update(passphrase ?? '')
    .digest('hex')
  const known = SEALED.get(contents)
  if (known !== undefined) return known
  const password = randomBytes(24).toString('base64')
  const privateKey = createPrivateKey({ key, ...(passphrase === undefined ? {} : { passphrase }) })
  const encrypted = privateKey.export({
    type: 'pkcs8',
    format: 'pem',
    cipher: 'aes-256-cbc',
    passphrase: password,
  })
  const identity: Identity = {
    tlsCertificateKeyFile: null,
    tlsCertificateKey: joined([onlyCertificates(cert.toString('latin1')), encrypted.toString()]),
    tlsCertificateKeyPassword: password,
  }
  SEALED.set(contents, identity)
  return identity
}

interface Material {
  readonly cert: Buffer | undefined
  readonly key: Buffer | undefined
}

function materialOf(options: ResolvedOptions): Material {
  return { cert: pemOf(options.cert), key: pemOf(options.key, 1) }
}

/** A file holds both. It is read here only if its key needs the passphrase. */
function fileOf(options: ResolvedOptions, refused: string[]): Material | null {
  const { tlsCertificateKeyFile } = options
  if (tlsCertificateKeyFile === undefined) return null
  try {
    const text = readFileSync(tlsCertificateKeyFile)
    return { cert: text, key: text }
  } catch (error) {
    refused.push(`tlsCertificateKeyFile: it can't be read: ${(error as Error).message}`)
    return null
  }
}

/** PEM text out of a string, a buffer or a list of them. Undefined if it is none of these, or if there are more than `most`. */
function pemOf(value: unknown, most = Infinity): Buffer | undefined {
  const list: unknown[] = Array.isArray(value) ? value : [value]
  if (list.length === 0 || list.length > most) return undefined
  const texts: string[] = []
  for (const element of list) {
    if (typeof element === 'string') texts.push(element)
    else if (element instanceof Uint8Array) texts.push(Buffer.from(element).toString('latin1'))
    else return undefined
  }
  return joined(texts)
}

const isPem = (text: string | Buffer | undefined): boolean => text?.includes('-----BEGIN ') === true

/** A key may stand beside the certificate in one text; here it must not travel in the clear. */
function onlyCertificates(text: string): string {
  return (text.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? []).join('\n')
}

function joined(texts: readonly string[]): Buffer {
  return Buffer.from(`${texts.map((text) => text.trim()).join('\n')}\n`, 'latin1')
}
