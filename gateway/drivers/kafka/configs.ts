import { DESCRIBE_CONFIGS, exchange, type Exchange, type Throttled } from './protocol.ts'
import type { Reader } from './reader.ts'

export interface TopicConfigs extends Throttled {
  /** Kafka's error code; 0 is none. */
  readonly code: number
  /** As the broker has them in force; `null` is a value that it does not tell. */
  readonly configs: ReadonlyMap<string, string | null>
}

const TOPIC = 2

/** Some settings of a topic. Needs the right to describe its configuration. */
export function topicConfigs(topic: string, names: readonly string[]): Exchange<TopicConfigs> {
  return exchange(
    DESCRIBE_CONFIGS,
    1,
    false,
    (writer) => {
      writer.array([topic], (name) => {
        writer.int8(TOPIC).string(name)
        writer.array(names, (one) => writer.string(one))
      })
      // Without synonyms.
      writer.int8(0)
    },
    (reader) => {
      const throttleMs = reader.int32()
      const [answer] = reader.array(readResource)
      return { throttleMs, code: answer?.code ?? -1, configs: answer?.configs ?? new Map() }
    },
  )
}

function readResource(reader: Reader): Omit<TopicConfigs, 'throttleMs'> {
  const code = reader.int16()
  reader.string()
  reader.int8()
  reader.string()
  const configs = reader.array((one) => {
    const entry = [one.string() ?? '', one.string()] as const
    one.int8()
    one.int8()
    one.int8()
    one.array((synonym) => [synonym.string(), synonym.string(), synonym.int8()])
    return entry
  })
  return { code, configs: new Map(configs) }
}
