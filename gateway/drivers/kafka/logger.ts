import { LEVELS, createLogger, type Logger } from 'kafkajs/src/loggers/index.js'

/** kafkajs wants a logger; whoever calls it gets each failure as an error, and tells it once. */
export function silentLogger(): Logger {
  return createLogger({ level: LEVELS.NOTHING, logCreator: () => () => {} })
}
