import type { Config } from '../config.ts'
import type { KafkaConfig, Sasl } from '../drivers/kafka/cluster.ts'

/** A configured cluster, as the drivers take it. */
export function kafkaConfigOf({ clusters }: Config, name: string): KafkaConfig {
  const { brokers, ssl, sasl } = clusters[name] as Config['clusters'][string]
  return { name, brokers, clientId: 'weir', ssl, ...(sasl !== null && { sasl: loginOf(sasl) }) }
}

/** Which keys a mechanism needs was checked with the configuration. */
function loginOf({ mechanism, password, ...keys }: NonNullable<Config['clusters'][string]['sasl']>): Sasl {
  if (mechanism !== 'oauthbearer')
    return { mechanism, username: keys.username ?? '', password: password?.reveal() ?? '' }
  const { tokenFile, tokenEndpoint, clientId, clientSecretFile, scope } = keys
  if (tokenFile !== null) return { mechanism, tokenFile }
  return {
    mechanism,
    tokenEndpoint: tokenEndpoint ?? '',
    clientId: clientId ?? '',
    clientSecretFile: clientSecretFile ?? '',
    scope,
  }
}
