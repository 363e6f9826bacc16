import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { topicsOf } from '../../gateway/assembly/topics.ts'
import { loadCatalog, type CatalogStream } from '../../gateway/catalog/catalog.ts'
import { Compiler } from '../../gateway/catalog/compiler.ts'
import { recordedDataOf } from '../../gateway/catalog/files.ts'
import { systemClock } from '../../gateway/clock.ts'
import { parseAvro } from '../../gateway/drivers/avro/parse.ts'
import { compileSchema } from '../../gateway/drivers/schema.ts'
import { packageRoot } from '../../gateway/package.ts'
import { readRecordings } from '../../gateway/playback.ts'
import { avroDecoder } from '../../gateway/source/decode/avro.ts'
import { departuresFile, makeDepartures } from '../../scripts/make-departures.ts'
import { makeWeather, weatherFile } from '../../scripts/make-weather.ts'
import { codesOf } from './support.ts'

describe('the other example products', () => {
  const compiler = new Compiler(systemClock)
  after(() => compiler.close())
  const streamOf = async (product: string, stream: string): Promise<CatalogStream> => {
    const specs = [join(packageRoot, 'specs', product)]
    const catalog = await loadCatalog({ specs, clusters: [], documentBytesMax: 1024 * 1024 }, compiler)
    assert.deepEqual([codesOf(catalog.findings), codesOf(catalog.findings, 'warning')], [[], []])
    const found = catalog.stream(product, stream)
    assert.ok(found)
    return found
  }

  it('the files are what the generators make', () => {
    assert.equal(readFileSync(weatherFile, 'utf8'), makeWeather())
    assert.equal(readFileSync(departuresFile, 'utf8'), makeDepartures())
  })

  it('weather has a topic for each city, chosen by a parameter, and another parameter that filters', async () => {
    const { stream, file } = await streamOf('weather', 'observations')
    assert.deepEqual(
      stream.parameters.map(({ name, default: standard, field }) => [name, standard, field?.name ?? null]),
      [
        ['city', 'seattle', null],
        ['kind', null, 'kind'],
      ],
    )
    const recordings = readRecordings(
      topicsOf(stream),
      stream.partitions ?? 1,
      (await recordedDataOf(file, stream.id)) ?? '',
    )
    assert.deepEqual(
      recordings.map(({ topic, partitions, records }) => [topic, partitions, records.length]),
      [
        ['weather.seattle', 3, 1461],
        ['weather.new-york', 3, 1461],
      ],
    )
    const validate = compileSchema(stream.schema as object, { strict: false })
    for (const { value } of recordings.flatMap(({ records }) => records))
      assert.equal(validate(JSON.parse(Buffer.from(value ?? []).toString())), null)
  })

  it("departures is Avro that the document's schema reads, and each of 500 flights leaves the board by a tombstone", async () => {
    const { stream } = await streamOf('departures', 'board')
    const { encoding } = stream
    assert.ok(encoding.kind === 'avro' && encoding.framing === 'plain')
    const decode = avroDecoder(parseAvro(encoding.schema), encoding.framing, 1024)
    const validate = compileSchema(stream.schema as object, { strict: false })
    const [recording] = readRecordings(topicsOf(stream), 4, departuresFile)
    const board = new Map<string, string>()
    let gone = 0
    for (const { key, value, headers } of recording?.records ?? []) {
      const payload = decode({ partition: 0, offset: 0, time: 0, key, value, headers })
      assert.ok(!('invalid' in payload))
      const flight = Buffer.from(key ?? []).toString()
      const data = JSON.parse(Buffer.from(payload.json).toString()) as { flight: string; status: string } | null
      if (data === null) gone += board.delete(flight) ? 1 : 0
      else {
        assert.deepEqual([validate(data), data.flight], [null, flight])
        assert.equal(board.get(flight) ?? 'SCHEDULED', board.has(flight) ? board.get(flight) : data.status)
        board.set(flight, data.status)
      }
    }
    assert.deepEqual([gone, board.size], [500, 0])
  })
})
