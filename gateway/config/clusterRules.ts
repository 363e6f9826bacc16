import { X509Certificate, createPrivateKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Path } from './node.ts'
import type { Complain } from './problem.ts'
import type { ConfigValues } from './schema.ts'
import { Secret } from './secret.ts'

type Cluster = ConfigValues['clusters'][string]
type Sasl = NonNullable<Cluster['sasl']>
type Tls = Exclude<Cluster['ssl'], boolean>

/** What each cluster's login and certificates need of each other, and the files that they name. */
export function checkClusters({ clusters }: ConfigValues, complain: Complain): void {
  for (const [name, { ssl, sasl }] of Object.entries(clusters)) {
    if (typeof ssl === 'object') checkTls(ssl, ['clusters', name, 'ssl'], complain)
    if (sasl !== null) checkSasl(sasl, ['clusters', name, 'sasl'], complain)
  }
}

/** The same values with each password in its place: from the environment, else from its file. */
export function withPasswords(values: ConfigValues, complain: Complain): ConfigValues {
  const clusters = Object.entries(values.clusters).map(([name, cluster]) => {
    if (!cluster.sasl || cluster.sasl.mechanism === 'oauthbearer') return [name, cluster] as const
    const path = ['clusters', name, 'sasl']
    const password = cluster.sasl.password ?? readPassword(cluster.sasl.passwordFile, path, complain)
    return [name, { ...cluster, sasl: { ...cluster.sasl, password } }] as const
  })
  return { ...values, clusters: Object.fromEntries(clusters) }
}

function readPassword(file: string | null, path: Path, complain: Complain): Secret | null {
  if (file === null) {
    complain(path, 'has no password', 'name a file with `passwordFile`, or set …_SASL_PASSWORD in the environment')
    return null
  }
  const bytes = read(file, [...path, 'passwordFile'], complain)
  if (bytes === null) return null
  const text = bytes.toString('utf8').replace(/\r?\n$/, '')
  if (text !== '') return new Secret(text)
  complain([...path, 'passwordFile'], `${file} is empty`, 'write the password into it')
  return null
}

const FOR_PASSWORDS = ['username', 'password', 'passwordFile'] as const
const FOR_TOKENS = ['tokenFile', 'tokenEndpoint', 'clientId', 'clientSecretFile', 'scope'] as const
const FOR_CREDENTIALS = ['clientId', 'clientSecretFile', 'scope'] as const

function checkSasl(sasl: Sasl, path: Path, complain: Complain): void {
  if (sasl.mechanism === 'oauthbearer') {
    checkForeign(sasl, FOR_PASSWORDS, path, complain)
    checkTokens(sasl, path, complain)
  } else {
    checkForeign(sasl, FOR_TOKENS, path, complain)
    if (sasl.username === null) complain([...path, 'username'], 'is missing', `\`${sasl.mechanism}\` logs in by name`)
  }
}

function checkForeign(sasl: Sasl, keys: readonly (keyof Sasl)[], path: Path, complain: Complain): void {
  for (const key of keys) {
    if (sasl[key] !== null) complain([...path, key], `has no meaning for \`${sasl.mechanism}\``, 'remove it')
  }
}

function checkTokens(sasl: Sasl, path: Path, complain: Complain): void {
  const { tokenFile, tokenEndpoint, clientId, clientSecretFile } = sasl
  const one = 'name either `tokenFile`, or `tokenEndpoint` with `clientId` and `clientSecretFile`'
  if ((tokenFile === null) === (tokenEndpoint === null)) {
    return complain(path, tokenFile === null ? 'says nowhere to get a token' : 'names two places for a token', one)
  }
  if (tokenEndpoint === null) {
    for (const key of FOR_CREDENTIALS) {
      if (sasl[key] !== null) complain([...path, key], 'goes with `tokenEndpoint` only', 'remove it')
    }
    return
  }
  if (!isSafe(tokenEndpoint)) {
    complain([...path, 'tokenEndpoint'], 'would get the secret in clear', 'use https; http is for loopback')
  }
  if (clientId === null) complain([...path, 'clientId'], 'is missing', 'name the client that the secret belongs to')
  if (clientSecretFile === null) {
    complain([...path, 'clientSecretFile'], 'is missing', 'name the file that holds the secret')
  } else if (read(clientSecretFile, [...path, 'clientSecretFile'], complain)?.length === 0) {
    complain([...path, 'clientSecretFile'], `${clientSecretFile} is empty`, 'write the secret into it')
  }
}

function isSafe(address: string): boolean {
  const { protocol, hostname } = new URL(address)
  return protocol === 'https:' || hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d+){3}$/.test(hostname)
}

function checkTls({ caFile, certFile, keyFile }: Tls, path: Path, complain: Complain): void {
  if ((certFile === null) !== (keyFile === null)) {
    const missing = certFile === null ? 'certFile' : 'keyFile'
    complain([...path, missing], 'is missing', 'a certificate and its key go together')
  }
  if (caFile !== null) certificateIn(caFile, [...path, 'caFile'], complain)
  if (certFile === null || keyFile === null) return
  const certificate = certificateIn(certFile, [...path, 'certFile'], complain)
  const bytes = read(keyFile, [...path, 'keyFile'], complain)
  if (bytes === null) return
  try {
    if (certificate === null || certificate.checkPrivateKey(createPrivateKey(bytes))) return
    complain([...path, 'keyFile'], `${keyFile} is not the key of ${certFile}`, 'name the key that belongs to it')
  } catch {
    complain([...path, 'keyFile'], `${keyFile} holds no key that can be used`, 'give a PEM file without a passphrase')
  }
}

/** The first certificate of a file. */
function certificateIn(file: string, path: Path, complain: Complain): X509Certificate | null {
  const bytes = read(file, path, complain)
  if (bytes === null) return null
  try {
    return new X509Certificate(bytes)
  } catch {
    complain(path, `${file} holds no certificate`, 'give a PEM file with -----BEGIN CERTIFICATE-----')
    return null
  }
}

function read(file: string, path: Path, complain: Complain): Buffer | null {
  try {
    return readFileSync(file)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    complain(path, `cannot be read: ${reason}`, 'name a file that this user can read')
    return null
  }
}
