import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import avsc, { type Schema } from 'avsc'
import { parse } from 'yaml'
import { packageRoot } from '../gateway/package.ts'

const folder = join(packageRoot, 'specs', 'departures')

/** The recorded records of specs/departures; made from flights of the U.S. Bureau of Transportation Statistics as vega-datasets ships them. */
export const departuresFile: string = join(folder, 'departures.board.ndjson')

/** Local time of the airport, as the Bureau has it: `2001/01/01 06:55`. */
interface Flight {
  readonly date: string
  readonly delay: number
  readonly distance: number
  readonly origin: string
  readonly destination: string
}

/** The first of the year, some two weeks. */
const FLIGHTS = 500
const MINUTE_MS = 60_000
/** A flight stands on the board an hour ahead, and ten minutes after. */
const AHEAD_MS = 60 * MINUTE_MS
const AFTER_MS = 10 * MINUTE_MS

type Status = 'SCHEDULED' | 'DELAYED' | 'DEPARTED'
interface Change {
  readonly time: number
  readonly key: string
  /** `null`: it leaves the board. */
  readonly value: Uint8Array | null
}

/** The same bytes on every run: changes of the board in the order of their time. */
export function makeDepartures(): string {
  const table = join(packageRoot, 'node_modules', 'vega-datasets', 'data', 'flights-2k.json')
  const flights = (JSON.parse(readFileSync(table, 'utf8')) as Flight[]).slice(0, FLIGHTS)
  const board = avsc.Type.forSchema(schemaOf(), { wrapUnions: true })
  return flights
    .flatMap((flight) => changesOf(flight, board))
    .toSorted((a, b) => a.time - b.time || (a.key < b.key ? -1 : 1))
    .map(({ time, key, value }) => {
      const payload = value === null ? { value: null } : { base64: Buffer.from(value).toString('base64') }
      return `${JSON.stringify({ key, time: new Date(time).toISOString(), ...payload })}\n`
    })
    .join('')
}

/** The one of the document: what is written by it can be read by it. */
function schemaOf(): Schema {
  const document = parse(readFileSync(join(folder, 'departures.yaml'), 'utf8')) as {
    components: { messages: { Departure: { payload: { schema: Schema } } } }
  }
  return document.components.messages.Departure.payload.schema
}

function changesOf(flight: Flight, board: avsc.Type): Change[] {
  const { date, delay, distance, origin, destination } = flight
  const scheduled = Date.parse(`${date.replaceAll('/', '-').replace(' ', 'T')}:00.000Z`)
  const left = scheduled + Math.max(0, delay) * MINUTE_MS
  const key = `${origin}-${destination}-${date.replaceAll(/[/ :]/g, '')}`
  const at = (time: number, status: Status, known: number | null): Change => {
    const delayMinutes = known === null ? null : { int: known }
    return {
      time,
      key,
      value: board.toBuffer({
        flight: key,
        origin,
        destination,
        scheduled,
        distanceMiles: distance,
        status,
        delayMinutes,
      }),
    }
  }
  return [
    at(scheduled - AHEAD_MS, 'SCHEDULED', null),
    ...(delay > 0 ? [at(scheduled, 'DELAYED', delay)] : []),
    at(left, 'DEPARTED', Math.max(0, delay)),
    { time: left + AFTER_MS, key, value: null },
  ]
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) writeFileSync(departuresFile, makeDepartures())
