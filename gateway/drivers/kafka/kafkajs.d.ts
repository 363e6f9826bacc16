/**
 * The parts of kafkajs 2.2.4 that its public face does not offer, typed as far as this folder uses them. The version is
 * pinned exactly: nothing here is promised by its authors.
 */
declare module 'kafkajs/src/protocol/encoder.js' {
  class Encoder {
    readonly buffer: Buffer
  }
  export default Encoder
}

declare module 'kafkajs/src/protocol/request.js' {
  import type Encoder from 'kafkajs/src/protocol/encoder.js'
  interface Request {
    readonly apiKey: number
    readonly apiVersion: number
    readonly apiName: string
    encode(): Promise<Encoder>
  }
  export { type Request }
}

declare module 'kafkajs/src/protocol/requests/listOffsets/v3/request.js' {
  import type { Request } from 'kafkajs/src/protocol/request.js'
  function listOffsets(options: {
    readonly replicaId: number
    readonly isolationLevel: number
    readonly topics: readonly {
      readonly topic: string
      readonly partitions: readonly { readonly partition: number; readonly timestamp: number }[]
    }[]
  }): Request
  export default listOffsets
}

declare module 'kafkajs/src/protocol/requests/apiVersions/v0/request.js' {
  import type { Request } from 'kafkajs/src/protocol/request.js'
  function apiVersions(): Request
  export default apiVersions
}

declare module 'kafkajs/src/broker/saslAuthenticator/index.js' {
  import type { Request } from 'kafkajs/src/protocol/request.js'
  import type { Logger } from 'kafkajs/src/loggers/index.js'
  interface Exchange<T> {
    readonly request: Request
    readonly response: { decode(payload: Buffer): Promise<unknown>; parse(decoded: unknown): Promise<T> }
  }
  class SaslAuthenticator {
    constructor(
      connection: {
        readonly host: string
        readonly port: number
        readonly sasl: { readonly mechanism: string; readonly username: string; readonly password: string }
        send<T>(exchange: Exchange<T>): Promise<T>
      },
      logger: Logger,
      versions: { readonly [apiKey: number]: { readonly minVersion: number; readonly maxVersion: number } },
      supportAuthenticationProtocol: boolean,
    )
    /** ms as decimal digits, `'0'` without end. */
    readonly sessionLifetime: string
    authenticate(): Promise<void>
  }
  export { type Exchange }
  export default SaslAuthenticator
}

declare module 'kafkajs/src/loggers/index.js' {
  interface Entry {
    readonly namespace: string
    readonly level: number
    readonly log: { readonly message: string; readonly [field: string]: unknown }
  }
  interface Logger {
    namespace(name: string): Logger
  }
  export const LEVELS: {
    readonly NOTHING: number
    readonly ERROR: number
    readonly WARN: number
    readonly INFO: number
  }
  export function createLogger(options: {
    readonly level: number
    readonly logCreator: (level: number) => (entry: Entry) => void
  }): Logger
  export { type Entry, type Logger }
}

declare module 'kafkajs/src/protocol/message/compression/index.js' {
  import type Encoder from 'kafkajs/src/protocol/encoder.js'
  interface Codec {
    compress(encoder: Encoder): Promise<Buffer>
    decompress(buffer: Buffer): Promise<Buffer>
  }
  export const Codecs: { [type: number]: () => Codec }
  export { type Codec }
}
