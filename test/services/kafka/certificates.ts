import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { runToEnd } from '../child.ts'

/** PEM files: an authority, what it has signed, and what it has not. Needs `openssl` and, for what has expired, Java's `keytool`. */
export interface Certificates {
  readonly ca: string
  /** For 127.0.0.1. */
  readonly broker: Pair
  /** For kafka.example alone. */
  readonly elsewhere: Pair
  readonly client: Pair
  /** An authority that signed none of these. */
  readonly otherCa: string
  /** Of a client, by that other authority. */
  readonly otherClient: Pair
  /** For 127.0.0.1, its own authority, and over. */
  readonly expired: Pair
}

export interface Pair {
  readonly cert: string
  readonly key: string
  /** Both, as Kafka wants a PEM key store. */
  readonly store: string
}

export function makeCertificates(folder: string): Certificates {
  const ca = authority(folder, 'ca')
  const otherCa = authority(folder, 'other-ca')
  return {
    ca: ca.cert,
    otherCa: otherCa.cert,
    broker: signed(folder, 'broker', 'subjectAltName=IP:127.0.0.1', ca),
    elsewhere: signed(folder, 'elsewhere', 'subjectAltName=DNS:kafka.example', ca),
    client: signed(folder, 'client', 'extendedKeyUsage=clientAuth', ca),
    otherClient: signed(folder, 'other-client', 'extendedKeyUsage=clientAuth', otherCa),
    expired: expired(folder),
  }
}

const EC = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']

function authority(folder: string, name: string): Pair {
  const pair = pairIn(folder, name)
  openssl(['req', '-x509', ...EC, '-subj', `/CN=${name}`, '-days', '2', '-keyout', pair.key, '-out', pair.cert])
  return pair
}

function signed(folder: string, name: string, extension: string, by: Pair): Pair {
  const pair = pairIn(folder, name)
  const request = join(folder, `${name}.csr`)
  const extensions = join(folder, `${name}.ext`)
  writeFileSync(extensions, `${extension}\n`)
  openssl(['req', ...EC, '-subj', `/CN=${name}`, '-keyout', pair.key, '-out', request])
  const signer = ['-CA', by.cert, '-CAkey', by.key, '-CAcreateserial', '-days', '2', '-extfile', extensions]
  openssl(['x509', '-req', '-in', request, ...signer, '-out', pair.cert])
  return stored(pair)
}

/** openssl 3.0 cannot date a certificate back; keytool can. */
function expired(folder: string): Pair {
  const pair = pairIn(folder, 'expired')
  const store = join(folder, 'expired.p12')
  const past = ['-startdate', '-10d', '-validity', '5']
  const named = ['-alias', 'it', '-dname', 'CN=expired', '-ext', 'SAN=IP:127.0.0.1', '-keyalg', 'EC']
  const kept = ['-keystore', store, '-storetype', 'PKCS12', '-storepass', 'changeit']
  runToEnd('keytool', ['-genkeypair', ...named, ...past, ...kept])
  const out = ['pkcs12', '-in', store, '-passin', 'pass:changeit', '-nodes']
  openssl([...out, '-nokeys', '-out', pair.cert])
  openssl([...out, '-nocerts', '-out', pair.key])
  return stored(pair)
}

function pairIn(folder: string, name: string): Pair {
  const at = (end: string): string => join(folder, `${name}.${end}`)
  return { cert: at('crt'), key: at('key'), store: at('pem') }
}

function stored(pair: Pair): Pair {
  // Kafka takes keys of PKCS #8 only, and nothing but PEM in the file.
  const key = runToEnd('openssl', ['pkcs8', '-topk8', '-nocrypt', '-in', pair.key])
  writeFileSync(pair.store, key + runToEnd('openssl', ['x509', '-in', pair.cert]))
  return pair
}

function openssl(args: readonly string[]): void {
  runToEnd('openssl', args)
}
