/** Addresses that may hold a password: never shown, and with one only from a file or the environment. */
const PROTOCOLS = { databaseUrl: /^postgres(ql)?:$/, redisUrl: /^rediss?:$/ } as const

export type SecretUrl = keyof typeof PROTOCOLS

export function isSecretUnit(unit: string | undefined): unit is SecretUrl {
  return unit !== undefined && Object.hasOwn(PROTOCOLS, unit)
}

export function isSecretUrl(unit: SecretUrl, text: string): boolean {
  return URL.canParse(text) && PROTOCOLS[unit].test(new URL(text).protocol)
}

export function hasPassword(value: unknown): boolean {
  return typeof value === 'string' && URL.canParse(value) && new URL(value).password !== ''
}
