import { spawn, type ChildProcess } from 'node:child_process'
import { java, kafkaClassPath } from './jars.ts'

/** One of Kafka's own command-line tools, by its class: small and quick to start. */
export function spawnKafkaTool(tool: string, args: readonly string[]): ChildProcess {
  const jvm = ['-Xmx128m', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-cp', kafkaClassPath()]
  return spawn(java(), [...jvm, tool, ...args], { stdio: ['pipe', 'pipe', 'pipe'] })
}
