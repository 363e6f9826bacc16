import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { packageRoot } from '../gateway/package.ts'

/** The recorded records of specs/earthquakes, one JSON object a line; made from USGS's GeoJSON feed as vega-datasets ships it. */
export const earthquakesFile: string = join(packageRoot, 'specs', 'earthquakes', 'earthquakes.events.ndjson')

/** One feature of the feed; its fields are explained at https://earthquake.usgs.gov/data/comcat/. */
interface Feature {
  readonly id: string
  readonly geometry: { readonly type: 'Point'; readonly coordinates: readonly number[] }
  readonly properties: {
    readonly mag: number
    readonly magType: string
    readonly place: string
    readonly title: string
    readonly time: number
    readonly updated: number
    readonly tz: number
    readonly type: string
    readonly status: string
    readonly alert: string | null
    readonly tsunami: number
    readonly sig: number
    readonly felt: number | null
    readonly cdi: number | null
    readonly mmi: number | null
    readonly net: string
    readonly code: string
    readonly ids: string
    readonly sources: string
    readonly types: string
    readonly nst: number | null
    readonly dmin: number | null
    readonly rms: number | null
    readonly gap: number | null
    readonly url: string
    readonly detail: string
  }
}

/** The same bytes on every run: events in the order of their time, equal times in the order of their ids. */
export function makeEarthquakes(): string {
  // The package's `exports` name only its index, which fetches; the data lies beside it.
  const feed = join(packageRoot, 'node_modules', 'vega-datasets', 'data', 'earthquakes.json')
  const { features } = JSON.parse(readFileSync(feed, 'utf8')) as { features: Feature[] }
  const byTime = (a: Feature, b: Feature): number => a.properties.time - b.properties.time || (a.id < b.id ? -1 : 1)
  return features
    .toSorted(byTime)
    .map((feature) => `${JSON.stringify(recordOf(feature))}\n`)
    .join('')
}

function recordOf(feature: Feature): object {
  return { key: feature.id, time: iso(feature.properties.time), value: valueOf(feature) }
}

/** Facts unchanged, names spelt out; lists that the feed writes as `,a,b,` become arrays, and its 0 and 1 a boolean. */
function valueOf({ id, geometry, properties: p }: Feature): object {
  return {
    id,
    magnitude: p.mag,
    magnitudeType: p.magType,
    place: p.place,
    title: p.title,
    time: iso(p.time),
    updated: iso(p.updated),
    utcOffsetMinutes: p.tz,
    geometry: { type: geometry.type, coordinates: geometry.coordinates },
    type: p.type,
    status: p.status,
    alert: p.alert,
    tsunami: p.tsunami === 1,
    significance: p.sig,
    felt: p.felt,
    communityIntensity: p.cdi,
    instrumentalIntensity: p.mmi,
    network: p.net,
    code: p.code,
    ids: listOf(p.ids),
    sources: listOf(p.sources),
    products: listOf(p.types),
    stations: p.nst,
    nearestStationDegrees: p.dmin,
    residualSeconds: p.rms,
    azimuthalGapDegrees: p.gap,
    url: p.url,
    detailUrl: p.detail,
  }
}

function listOf(text: string): readonly string[] {
  return text.split(',').filter((entry) => entry !== '')
}

function iso(ms: number): string {
  return new Date(ms).toISOString()
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) writeFileSync(earthquakesFile, makeEarthquakes())
