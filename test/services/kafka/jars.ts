import { createHash, randomUUID } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { packageRoot } from '../../../gateway/package.ts'
import { runToEnd, which } from '../child.ts'

const POM = join(packageRoot, 'test/services/kafka/pom.xml')

/** The Java class path of the Kafka in pom.xml; fetched by Maven into .cache/kafka at the first call. */
export function kafkaClassPath(): string {
  if (!which(java()))
    throw new Error(`${java()} is not there: Kafka needs Java 17 or newer (Debian: default-jre-headless)`)
  const hash = createHash('sha256').update(readFileSync(POM)).digest('hex').slice(0, 16)
  const folder = join(packageRoot, '.cache/kafka', hash)
  if (!existsSync(folder)) fetchInto(folder)
  return join(folder, '*')
}

export function java(): string {
  const home = process.env['JAVA_HOME']
  return home ? join(home, 'bin/java') : 'java'
}

/** Complete or not there at all: several test processes may come first at once. */
function fetchInto(folder: string): void {
  if (!which('mvn')) throw new Error('mvn is not there: Kafka is fetched by Maven (Debian: maven)')
  const draft = `${folder}.${randomUUID()}`
  mkdirSync(draft, { recursive: true })
  try {
    runToEnd('mvn', ['-q', '-B', '-f', POM, 'dependency:copy-dependencies', `-DoutputDirectory=${draft}`])
    if (!existsSync(folder)) renameSync(draft, folder)
  } finally {
    rmSync(draft, { recursive: true, force: true })
  }
}
