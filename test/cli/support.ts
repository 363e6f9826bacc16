import { systemClock, type Clock, type Timer } from '../../gateway/clock.ts'
import { run } from '../../gateway/cli/cli.ts'
import type { Edge, Output } from '../../gateway/cli/edge.ts'

/** Real time, a hundred times as fast, and a note of each wait that was asked for. */
export class FastClock implements Clock {
  readonly waits: number[] = []
  now(): number {
    return Date.now()
  }
  monotonic(): number {
    return performance.now() * 100
  }
  after(ms: number, run: () => void): Timer {
    this.waits.push(ms)
    const timer = setTimeout(run, ms / 100)
    return { cancel: () => clearTimeout(timer) }
  }
  every(): never {
    throw new Error('not used here')
  }
  soon(run: () => void): void {
    setImmediate(run)
  }
}

/** What a command wrote, and a reader that can be slow. */
export class Sink implements Output {
  text = ''
  full = false
  onWrite: (text: string) => void = () => {}
  write(text: string): boolean {
    this.text += text
    this.onWrite(text)
    return !this.full
  }
  drained: () => Promise<void> = () => Promise.resolve()
  get lines(): string[] {
    return this.text.split('\n').filter((line) => line !== '')
  }
}

export interface TestEdge extends Edge {
  readonly clock: Clock
  readonly out: Sink
  readonly err: Sink
  readonly abort: () => void
  run(...args: string[]): Promise<number>
}

/** An edge without a process; its clock is the real one unless another is given. */
export function testEdge(cwd: string, more: Partial<Edge> = {}): TestEdge {
  const stop = new AbortController()
  const edge: TestEdge = {
    env: {},
    cwd,
    random: () => 0.5,
    stop: stop.signal,
    startGateway: () => Promise.reject(new Error('no gateway here')),
    startWorkers: () => Promise.reject(new Error('no workers here')),
    clock: systemClock,
    ...more,
    out: new Sink(),
    err: new Sink(),
    abort: () => stop.abort(new Error('interrupted')),
    run: (...args) => run(args, edge),
  }
  return edge
}

/** A document that is served as it stands. */
export const DOCUMENT = `asyncapi: 3.0.0
info:
  title: Quakes
  version: 1.0.0
  x-data-product:
    id: quakes
    owner: { team: a, email: a@example.org }
    visibility: public
    access: open
    lifecycle: released
    defaultPlan: free
    plans: [{ name: free, price: "0", priceCurrency: EUR, billingDuration: month }]
servers: { main: { host: "kafka:9092", protocol: kafka } }
channels:
  events:
    address: quakes
    messages: { quake: { payload: { type: object } } }
    bindings: { kafka: { topic: quakes, partitions: 1 } }
    x-data-product: { expose: read }
operations: { publish: { action: send, channel: { $ref: "#/channels/events" } } }
`
