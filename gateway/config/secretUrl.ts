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
  if (typeof value !== 'string' || !URL.canParse(value)) return false
  const { password, searchParams } = new URL(value)
  // Drivers take one from the query as well: `?password=`, `?sslpassword=`.
  return password !== '' || [...searchParams.keys()].some((name) => /password/i.test(name))
}
