import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { spawnKafkaTool } from '../../services/kafka/tool.ts'

export interface LogRecord {
  /** `partition-offset`. */
  readonly id: string
  readonly key: string
  readonly value: string
}

const TOOL = 'org.apache.kafka.tools.consumer.ConsoleConsumer'
const PROPERTIES = ['print.partition', 'print.offset', 'print.key'].flatMap((name) => ['--property', `${name}=true`])
const READ_MS_MAX = 90_000

/**
 * What is committed in a topic now, from its start until each of `keys` was seen, by Kafka's own consumer: kafkajs' gets stuck where a
 * batch was emptied by compaction. Keys and values hold no tab and no line end.
 */
export async function readBack(
  brokers: readonly string[],
  topic: string,
  keys: readonly string[],
): Promise<LogRecord[]> {
  const options = ['--bootstrap-server', brokers.join(','), '--topic', topic, '--from-beginning']
  const child = spawnKafkaTool(TOOL, [...options, '--isolation-level', 'read_committed', ...PROPERTIES])
  const timer = setTimeout(() => child.kill('SIGKILL'), READ_MS_MAX)
  const exit = once(child, 'exit')
  let errors = ''
  child.stderr?.on('data', (chunk: Buffer) => (errors += chunk.toString()))
  const missing = new Set(keys)
  const records: LogRecord[] = []
  for await (const line of createInterface({ input: child.stdout as NodeJS.ReadableStream })) {
    const [, partition, offset, key, value] = /^Partition:(\d+)\tOffset:(\d+)\t([^\t]*)\t(.*)$/.exec(line) ?? []
    if (key === undefined || value === undefined) throw new Error(`not a record: ${line}`)
    records.push({ id: `${partition}-${offset}`, key, value })
    missing.delete(key)
    if (missing.size === 0) break
  }
  child.kill('SIGKILL')
  await exit
  clearTimeout(timer)
  if (missing.size > 0)
    throw new Error(`${topic} was not read to its end, without ${[...missing].join(', ')}: ${errors}`)
  return records
}
