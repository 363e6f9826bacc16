import { availableParallelism } from 'node:os'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { systemClock } from '../gateway/clock.ts'
import { packageRoot } from '../gateway/package.ts'
import { sourceTree } from './house/tree.ts'
import { type FileOutcome, runFile } from './runner/file.ts'
import { failureLines, failureText, fileLine, suiteTable, totalLine } from './runner/report.ts'
import { builtFile, selectTests, type TestFile } from './runner/select.ts'
import { provideChromium } from './services/chromium.ts'
import { type Found, findServices, provideKafkaPrograms } from './services/find.ts'
import { removeFolder, scratchFolder } from './services/scratch.ts'
import { SERVICE_NAMES, VARIABLES } from './services/service.ts'
import { provideToxiproxy } from './services/toxiproxy.ts'

/**
 * `npm test [-- FILTER…] [--list]`: every test file in a process of its own, in three laps: the pure ones on all cores, while the services
 * that the others import start up; those that use services, two at a time; those that start brokers of their own, alone.
 * Exit code 0 only where every test of every file ran and passed and everything that was started is gone again.
 */
async function main(): Promise<number> {
  const { values, positionals } = parseArgs({ options: { list: { type: 'boolean' } }, allowPositionals: true })
  const files = selectTests(sourceTree(packageRoot, ['test']), positionals)
  if (values.list) return list(files)
  if (files.length === 0) console.error(`no test file matches ${positionals.join(' ')}`)
  const run = new Run(files)
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => run.end(`${signal} received`))
  return run.toTheEnd()
}

const FILE_MS_MAX = 180_000
/** Faults on real clusters take their time, some six minutes of it, and run alone. */
const RUN_MS_MAX = 1_380_000
const SERVICE_LANES = 2

function list(files: readonly TestFile[]): number {
  for (const { path, needs, ...own } of files) {
    const more = [own.ownKafka && 'own-kafka', own.browser && 'browser', own.toxiproxy && 'toxiproxy']
    console.log([path, ...needs, ...more.filter((one) => one !== false)].join(' '))
  }
  return files.length > 0 ? 0 : 1
}

class Run {
  readonly #files: readonly TestFile[]
  readonly #outFolder = dirname(dirname(fileURLToPath(import.meta.url)))
  readonly #folder = scratchFolder('tests')
  readonly #ending = new AbortController()
  readonly #outcomes: FileOutcome[] = []
  readonly #troubles: string[] = []
  #services: Promise<Found[]> = Promise.resolve([])

  constructor(files: readonly TestFile[]) {
    this.#files = files
  }

  /** Ends what is running; `toTheEnd` then resolves soon, with a failure. */
  end(why: string): void {
    if (this.#ending.signal.aborted) return
    this.#troubles.push(`the run was ended: ${why}`)
    this.#ending.abort()
  }

  async toTheEnd(): Promise<number> {
    const timer = systemClock.after(RUN_MS_MAX, () => this.end(`not done after ${RUN_MS_MAX / 1000} s`))
    try {
      await this.#laps()
    } catch (error) {
      this.#troubles.push((error as Error).message)
    } finally {
      timer.cancel()
      await this.#stopServices()
      removeFolder(this.#folder)
    }
    return this.#report()
  }

  async #laps(): Promise<void> {
    // Here, where an installation blocks nobody and no other one is under way.
    if (this.#files.some(({ browser }) => browser)) console.log(`chromium: ${provideChromium()}`)
    if (this.#files.some(({ toxiproxy }) => toxiproxy)) console.log(`toxiproxy: ${provideToxiproxy()}`)
    const served = this.#files.filter(({ needs, ownKafka }) => needs.length > 0 || ownKafka)
    this.#services = this.#startServices(served)
    this.#services.catch(() => this.#ending.abort())
    await this.#lap(
      this.#files.filter((file) => !served.includes(file)),
      availableParallelism(),
      [],
    )
    const services = await this.#services
    await this.#lap(
      served.filter((file) => !file.ownKafka),
      SERVICE_LANES,
      services,
    )
    await this.#lap(
      served.filter((file) => file.ownKafka),
      1,
      services,
    )
  }

  async #startServices(served: readonly TestFile[]): Promise<Found[]> {
    if (served.some(({ ownKafka }) => ownKafka)) provideKafkaPrograms()
    const services = await findServices(
      SERVICE_NAMES.filter((name) => served.some(({ needs }) => needs.includes(name))),
    )
    for (const { name, value, from } of services) console.log(`${name}: ${value}, from ${from}`)
    return services
  }

  async #lap(files: readonly TestFile[], lanes: number, services: readonly Found[]): Promise<void> {
    const queue = [...files]
    const lane = async (): Promise<void> => {
      for (let file = queue.shift(); file && !this.#ending.signal.aborted; file = queue.shift())
        await this.#runOne(file, services)
    }
    await Promise.all(Array.from({ length: lanes }, lane))
  }

  async #runOne({ path }: TestFile, services: readonly Found[]): Promise<void> {
    const variables = services.map(({ name, value }) => [VARIABLES[name], value] as const)
    const outcome = await runFile({
      path,
      built: builtFile(this.#outFolder, path),
      // Whatever a file leaves in its temporary folder goes with ours.
      env: { ...process.env, ...Object.fromEntries(variables), TMPDIR: this.#folder, SCARF_ANALYTICS: 'false' },
      folder: this.#folder,
      msMax: FILE_MS_MAX,
      signal: this.#ending.signal,
    })
    this.#outcomes.push(outcome)
    console.log(fileLine(outcome))
  }

  async #stopServices(): Promise<void> {
    const services = await this.#services.catch(() => [])
    const results = await Promise.allSettled(services.map((service) => service.stop()))
    for (const result of results)
      if (result.status === 'rejected') this.#troubles.push(`not stopped: ${String(result.reason)}`)
    const alive = services.flatMap(({ name, pids }) =>
      pids.filter(isAlive).map((pid) => `${name} still runs as process ${pid}`),
    )
    this.#troubles.push(...alive)
  }

  #report(): number {
    const ran = new Set(this.#outcomes.map(({ path }) => path))
    const left = this.#files.filter(({ path }) => !ran.has(path)).map(({ path }) => `${path} did not run`)
    const troubles = [...this.#troubles, ...left, ...(this.#files.length === 0 ? ['there was nothing to run'] : [])]
    const failures = failureText(this.#outcomes)
    console.log(`\n${suiteTable(this.#outcomes)}`)
    if (failures) console.log(`\n${failures}`)
    for (const trouble of troubles) console.log(`\nFAILED ${trouble}`)
    if (failures) console.log(`\n${failureLines(this.#outcomes)}`)
    console.log(`\n${totalLine(this.#outcomes, troubles.length)}`)
    return troubles.length === 0 && failures === '' ? 0 : 1
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

process.exitCode = await main()
