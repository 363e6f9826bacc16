import type { Config } from '../config.ts'
import { Secret } from '../config/secret.ts'

const MARK = '$secret'

/** The configuration as text for another process of ours, secrets and all: only for a pipe, never for a log or a file. */
export function packConfig(config: Config): string {
  return JSON.stringify(config, function (this: { readonly [key: string]: unknown }, key: string, value: unknown) {
    // What stands here before a secret masks itself.
    const held = this[key]
    return held instanceof Secret ? { [MARK]: held.reveal() } : value
  })
}

export function unpackConfig(text: string): Config {
  return JSON.parse(text, (_, value: unknown) => {
    const secret = typeof value === 'object' && value !== null ? (value as { [MARK]?: unknown })[MARK] : undefined
    return typeof secret === 'string' ? new Secret(secret) : value
  }) as Config
}
