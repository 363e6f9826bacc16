import { readFileSync } from 'node:fs'
import type { Complain } from './problem.ts'
import type { ConfigValues } from './schema.ts'
import { isSecretUrl, type SecretUrl } from './secretUrl.ts'
import { Secret } from './secret.ts'

interface Address {
  readonly url: Secret | null
  readonly urlFile: string | null
}

/** The same values with the addresses of database and Redis in their places: as given, else from their files. */
export function withAddresses(values: ConfigValues, complain: Complain): ConfigValues {
  return {
    ...values,
    database: withAddress(values.database, 'database', 'databaseUrl', complain),
    redis: withAddress(values.redis, 'redis', 'redisUrl', complain),
  }
}

function withAddress(given: Address, key: string, unit: SecretUrl, complain: Complain): Address {
  const { url, urlFile } = given
  const place = [key, 'urlFile']
  if (urlFile === null) return given
  if (url !== null) {
    complain(place, `is a second address beside ${key}.url`, 'keep one')
    return given
  }
  const text = read(urlFile, place, complain)
  if (text === null) return given
  if (!isSecretUrl(unit, text)) complain(place, `${urlFile} holds no address`, `write one as ${key}.url has it into it`)
  return { url: new Secret(text), urlFile }
}

function read(file: string, place: readonly string[], complain: Complain): string | null {
  try {
    return readFileSync(file, 'utf8').replace(/\r?\n$/, '')
  } catch (error) {
    complain(place, `${file} cannot be read: ${(error as Error).message}`, 'name a file that this process may read')
    return null
  }
}
