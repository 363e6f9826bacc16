import { variableName } from '../../config/environment.ts'
import type { KafkaError } from '../../drivers/kafka/errors.ts'
import { whyAway } from './network.ts'
import { away, fail, type Verdict } from './verdict.ts'

/** `clusters.main.sasl (WEIR_CLUSTERS_MAIN_SASL…)`: a key of one cluster as an operator finds it. */
export function keyOfCluster(name: string, ...path: readonly string[]): string {
  const key = ['clusters', name, ...path]
  return `${key.join('.')} (${variableName(key)})`
}

type Fix = (name: string) => string

/** By what the driver says, the first that fits. */
const FIXES: readonly (readonly [RegExp, Fix])[] = [
  [/not from an authority/, (name) => `name that authority's PEM file: ${keyOfCluster(name, 'ssl', 'caFile')}`],
  [/has expired|not valid yet/, () => "have the broker's certificate renewed, or set the clock of this machine"],
  [
    /for another name/,
    (name) => `dial brokers by a name of the certificate, or say it: ${keyOfCluster(name, 'ssl', 'serverName')}`,
  ],
  [
    /does not accept our certificate/,
    (name) => `name a certificate that the brokers know: ${keyOfCluster(name, 'ssl', 'certFile')} and keyFile`,
  ],
  [
    /does not speak TLS|does this port speak TLS/,
    (name) => `name the port of the TLS listener in clusters.${name}.brokers, or take clusters.${name}.ssl away`,
  ],
  [
    /does its listener want TLS or SASL/,
    (name) => `set clusters.${name}.ssl and clusters.${name}.sasl as that listener wants them`,
  ],
  [/cannot be read:/, () => 'name a file that is there and that this user may read'],
  [/ssl\.(ca|cert|key)File/, () => 'mend the files of ssl: PEM, the key without a passphrase, and of this certificate'],
  [
    /not support the requested SASL|not supported by the server|is not offered there/,
    (name) => `set ${keyOfCluster(name, 'sasl', 'mechanism')} to one that the listener offers`,
  ],
  [
    /no token from|token was not accepted|holds no bearer token/,
    (name) => `mend where tokens come from: the keys of clusters.${name}.sasl`,
  ],
  [
    /authentication failed|SASL/i,
    (name) =>
      `correct ${keyOfCluster(name, 'sasl', 'username')} and its password (passwordFile, or ${variableName(['clusters', name, 'sasl', 'password'])})`,
  ],
  [/is needed \(Kafka/, () => 'upgrade the brokers to Kafka 2.3 or newer'],
  [/does not speak Kafka/, (name) => `something else listens there: correct ${keyOfCluster(name, 'brokers')}`],
]

/** Why a broker does not serve us, and what to do. TLS, login and network are told apart. */
export function kafkaVerdict(error: KafkaError, name: string, address: string): Verdict {
  const { message, kind } = error
  const fix = FIXES.find(([pattern]) => pattern.test(message))?.[1](name)
  const shown = message.includes(address) ? message : `${address}: ${message}`
  // Whoever gives tokens is another system, which may be away by itself.
  if (fix !== undefined)
    return kind === 'gone' && message.includes('no token from') ? away(shown, fix) : fail(shown, fix)
  const words = whyAway(error)
  if (words !== null) {
    return away(`${address}: ${words}`, `start Kafka there, or correct ${keyOfCluster(name, 'brokers')}`)
  }
  if (/nobody answered within|did not answer/.test(message)) {
    return away(shown, `look for a firewall on the way, or correct ${keyOfCluster(name, 'brokers')}`)
  }
  return fail(shown, "look into that broker's log")
}
