import { LEVELS, createLogger, type Entry, type Logger } from 'kafkajs/src/loggers/index.js'
import type { Log } from '../../log.ts'

/** kafkajs's own logger, led into ours: warnings and errors only, both as warnings, since their callers get the failure itself. */
export function quietLogger(log: Log): Logger {
  const write = ({ namespace, log: { message } }: Entry): void => log.warn({ part: `kafkajs ${namespace}` }, message)
  return createLogger({ level: LEVELS.WARN, logCreator: () => write })
}
