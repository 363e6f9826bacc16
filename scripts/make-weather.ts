import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { packageRoot } from '../gateway/package.ts'

/** The recorded records of specs/weather, one JSON object a line; made from NOAA's daily observations as vega-datasets ships them. */
export const weatherFile: string = join(packageRoot, 'specs', 'weather', 'weather.observations.ndjson')

const HEADER = 'location,date,precipitation,temp_max,temp_min,wind,weather'

/** The same bytes on every run: days in their order, of a day the cities in the order of the alphabet. */
export function makeWeather(): string {
  const table = join(packageRoot, 'node_modules', 'vega-datasets', 'data', 'weather.csv')
  const [header, ...rows] = readFileSync(table, 'utf8').trim().split(/\r?\n/)
  if (header !== HEADER) throw new Error(`the table has other columns: ${header}`)
  const days = rows.map((row) => row.split(','))
  const order = ([city = '', date = '']: readonly string[]): string => date + city
  return days
    .toSorted((a, b) => (order(a) < order(b) ? -1 : 1))
    .map((day) => `${JSON.stringify(recordOf(day))}\n`)
    .join('')
}

function recordOf([city = '', date = '', rain, warmest, coldest, wind, kind]: readonly string[]): object {
  const value = {
    city,
    date,
    precipitationMm: Number(rain),
    temperatureMaxC: Number(warmest),
    temperatureMinC: Number(coldest),
    windMetresPerSecond: Number(wind),
    kind,
  }
  const topic = `weather.${city.toLowerCase().replaceAll(' ', '-')}`
  return { topic, key: date, time: `${date}T00:00:00.000Z`, value }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) writeFileSync(weatherFile, makeWeather())
