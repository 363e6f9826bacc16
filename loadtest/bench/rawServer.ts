/**
 * The raw arms, each in a process of its own: what the machine gives without a gateway.
 *
 *   B0 bare uWebSockets.js `publish`     S0 a bare SSE loop, one shared buffer a turn     B1 a bare kafkajs fetch loop into `publish`
 */
import { Kafka, logLevel } from 'kafkajs'
import uWS, { type HttpResponse, type TemplatedApp } from 'uWebSockets.js'
import { startPace, type Pace } from './pace.ts'
import { frameOf, payloadOf } from './payload.ts'
import { kindOf, type Shape } from './shape.ts'

export interface RawOptions {
  readonly arm: 'B0' | 'S0' | 'B1'
  readonly shape: Shape
  /** Of `B1`. */
  readonly brokers: readonly string[]
  readonly topics: readonly string[]
}

export type RawCommand = { readonly burstsPerSecond: number } | 'stop'
type RawReport = { readonly port: number } | { readonly sent: number }

const BUFFER_BYTES_MAX = 64 * 1024 * 1024
const PUSH = Buffer.from(':\n')

function listen(app: TemplatedApp): void {
  app.listen('127.0.0.1', 0, (socket) => {
    if (!socket) throw new Error('no port')
    report({ port: uWS.us_socket_local_port(socket) })
  })
}

function report(what: RawReport): void {
  process.send?.(what)
}

/** Serves sockets that are told everything of the lane that they name. */
function socketApp(): TemplatedApp {
  return uWS.App().ws<{ lane: string }>('/*', {
    maxBackpressure: BUFFER_BYTES_MAX,
    upgrade(res, req, context) {
      const [key, protocol] = [req.getHeader('sec-websocket-key'), req.getHeader('sec-websocket-protocol')]
      res.upgrade({ lane: req.getUrl().slice(1) }, key, protocol, req.getHeader('sec-websocket-extensions'), context)
    },
    open: (ws) => void ws.subscribe(ws.getUserData().lane),
  })
}

/** Sends what is due of a lane. */
type Publish = (lane: number, frames: readonly string[]) => void

function feed(shape: Shape, publish: Publish): void {
  const counts = Array.from({ length: shape.topics }, () => 0)
  let sent = 0
  let pace: Pace | null = null
  process.on('message', (command: RawCommand) => {
    if (command !== 'stop') pace = startPace(command.burstsPerSecond, (_tick, due) => burst(due))
    else {
      pace?.stop()
      report({ sent })
    }
  })
  const burst = (due: number): void => {
    const lanes = new Map<number, string[]>()
    for (let i = 0; i < shape.burst; i++) {
      const lane = sent % shape.topics
      const n = counts[lane]!++
      const frame = frameOf(n, payloadOf(n, due, kindOf(shape, sent++), shape.bytes))
      lanes.set(lane, [...(lanes.get(lane) ?? []), frame])
    }
    for (const [lane, frames] of lanes) publish(lane, frames)
  }
}

function serveSockets(shape: Shape): void {
  const app = socketApp()
  feed(shape, (lane, frames) => {
    for (const frame of frames) app.publish(String(lane), Buffer.from(frame), false, false)
  })
  listen(app)
}

function serveEvents(shape: Shape): void {
  const lanes = new Map<string, Set<HttpResponse>>()
  const app = uWS.App().get('/*', (res, req) => {
    const lane = req.getUrl().slice(1)
    const riders = lanes.get(lane) ?? new Set()
    lanes.set(lane, riders.add(res))
    res.onAborted(() => riders.delete(res))
    res.onWritable(() => true)
    res.cork(() => res.writeHeader('Content-Type', 'text/event-stream').write('retry: 1000\n\n'))
    res.cork(() => res.write(PUSH))
  })
  feed(shape, (lane, frames) => {
    const block = Buffer.from(frames.map((frame) => `data: ${frame}\n\n`).join(''))
    for (const res of lanes.get(String(lane)) ?? []) {
      res.cork(() => {
        res.write(block)
        res.write(PUSH)
      })
    }
  })
  listen(app)
}

async function serveKafka({ brokers, topics }: RawOptions): Promise<void> {
  const app = socketApp()
  const lanes = new Map(topics.map((topic, lane) => [topic, String(lane)]))
  const kafka = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING })
  const consumer = kafka.consumer({ groupId: `b1-${process.pid}-${topics[0]}`, allowAutoTopicCreation: false })
  await consumer.connect()
  await consumer.subscribe({ topics: [...topics], fromBeginning: false })
  const fetched = new Promise<void>((resolve) => consumer.on(consumer.events.FETCH, () => resolve()))
  await consumer.run({
    autoCommit: false,
    eachBatchAutoResolve: true,
    eachBatch: async ({ batch }) => {
      const lane = lanes.get(batch.topic)!
      for (const { offset, value } of batch.messages) {
        app.publish(lane, Buffer.from(frameOf(Number(offset), value!.toString())), false, false)
      }
    },
  })
  await fetched
  listen(app)
}

const options = JSON.parse(process.argv[2] ?? '{}') as RawOptions
process.on('disconnect', () => process.exit())
if (options.arm === 'B0') serveSockets(options.shape)
else if (options.arm === 'S0') serveEvents(options.shape)
else await serveKafka(options)
