/**
 * Certificates for servers and clients of the tests, made by OpenSSL when this module is loaded. There is a private CA, a server at localhost,
 * a client, and the certificates that replace them in a rotation.
 */
import { execFileSync } from 'node:child_process'
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const directory = mkdtempSync(join(tmpdir(), 'durabl-certificates-'))
process.once('exit', () => rmSync(directory, { recursive: true, force: true }))

/** The subject of the client's certificate, as the server spells it. */
export const CLIENT_NAME = 'CN=worker,OU=clients,O=durabl tests'

/** The passphrase of `client-encrypted.pem`. */
export const PASSPHRASE = 'open-s3cret-sesame'

/** The path of `ca.pem`, `other-ca.pem`, `server.pem`, `client.pem`, `client-encrypted.pem` or `stranger.pem`. */
export const certificate = (name) => join(directory, name)

/** The contents of the certificate. */
export const pem = (name) => readFileSync(certificate(name))

function openssl(...args) {
  try {
    return execFileSync('openssl', args, { cwd: directory, stdio: ['ignore', 'pipe', 'pipe'] })
  } catch (error) {
    if (error.code !== 'ENOENT') throw error
    throw new Error(
      'These tests make certificates by `openssl`, which is not on the PATH: install OpenSSL.',
      {
        cause: error,
      },
    )
  }
}

function makeKey(name) {
  openssl('genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-out', `${name}.key`)
}

function makeCa(name) {
  makeKey(name)
  const extensions = ['basicConstraints=critical,CA:true', 'keyUsage=critical,keyCertSign']
  openssl(
    ...['req', '-x509', '-key', `${name}.key`, '-days', '30', '-subj', `/O=durabl tests/CN=${name}`],
    ...[...extensions.flatMap((extension) => ['-addext', extension]), '-out', `${name}.pem`],
  )
}

/** A certificate and its key, in one file. */
function make(name, ca, subject, extensions) {
  makeKey(name)
  writeFileSync(certificate(`${name}.ext`), extensions.join('\n'))
  openssl('req', '-new', '-key', `${name}.key`, '-subj', subject, '-out', `${name}.csr`)
  openssl(
    ...['x509', '-req', '-in', `${name}.csr`, '-CA', `${ca}.pem`, '-CAkey', `${ca}.key`, '-CAcreateserial'],
    ...['-days', '30', '-extfile', `${name}.ext`, '-out', `${name}.pem`],
  )
  appendFileSync(certificate(`${name}.pem`), readFileSync(certificate(`${name}.key`)))
}

const CLIENT = ['/O=durabl tests/OU=clients/CN=worker', ['extendedKeyUsage=clientAuth']]

makeCa('ca')
makeCa('other-ca')
make('server', 'ca', '/O=durabl tests/OU=servers/CN=localhost', [
  'subjectAltName=DNS:localhost,IP:127.0.0.1',
  'extendedKeyUsage=serverAuth,clientAuth',
])
make('client', 'ca', ...CLIENT)
// Of the same name, by a CA that the server does not know.
make('stranger', 'other-ca', ...CLIENT)
// The client's, its key encrypted as older tools did it.
const encrypted = openssl('ec', '-in', 'client.key', '-aes128', '-passout', `pass:${PASSPHRASE}`)
writeFileSync(
  certificate('client-encrypted.pem'),
  `${
    pem('client.pem')
      .toString()
      .match(/-----BEGIN CERTIFICATE[^]*?END CERTIFICATE-----/)[0]
  }\n${encrypted}`,
)
