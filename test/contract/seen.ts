import {
  CONTRACT,
  served,
  whyNot,
  type Kind,
  type Place,
  type Row,
  type Transport,
} from '../../gateway/transport/contract.ts'
import type { Frame } from '../integration/support/sse.ts'

/** Which rows of the contract a gateway was seen to serve, and where. */
export class Seen {
  readonly #keys = new Set<string>()

  row(kind: Kind, name: string, place?: Place): void {
    if (!Object.hasOwn(CONTRACT[kind], name)) throw new Error(`the contract has no ${kind} «${name}»`)
    this.#keys.add(keyOf(kind, name))
    if (place !== undefined) this.#keys.add(keyOf(kind, name, place))
  }

  /** Every word of a frame that has a row. */
  frame(at: Transport, frame: Frame): void {
    if ('specversion' in frame) return this.#cloudEvent(at, frame)
    const { type, reason, kind, code, error } = frame
    this.row('server frame', type, at)
    if (type === 'record') this.row('format', 'record', at)
    if (type === 'error' || type === 'ended') this.row('error code', code as string)
    if (type === 'closing') this.row('error code', error as string)
    if (type === 'notice') this.row('notice kind', kind as string, at)
    const reasons = REASONS[type]
    if (reasons !== undefined && reason !== undefined) this.row(reasons, reason as string)
  }

  /** Rows that this version serves and that were not seen, in the order of the tables. */
  missing(): readonly string[] {
    return kinds().flatMap((kind) =>
      served(kind).flatMap((name) => wanted(kind, name).filter((key) => !this.#keys.has(key))),
    )
  }

  /** Rows that were seen although `NOT_SERVED` says that they cannot be. */
  surprises(): readonly string[] {
    return kinds().flatMap((kind) =>
      Object.keys(CONTRACT[kind])
        .filter((name) => whyNot(kind, name) !== null && this.#keys.has(keyOf(kind, name)))
        .map((name) => keyOf(kind, name)),
    )
  }

  #cloudEvent(at: Transport, { type, data }: Frame): void {
    if (type === 'io.weir.invalid') return this.frame(at, { type: 'invalid', ...(data as object) })
    if (!type.startsWith('io.weir.')) return this.row('format', 'cloudevents', at)
    this.row('subprotocol', 'cloudevents.json')
    this.frame(at, { type: type.slice('io.weir.'.length), ...(data as object) })
  }
}

const REASONS: { readonly [type: string]: Kind } = {
  gap: 'gap reason',
  paused: 'pause reason',
  invalid: 'invalid reason',
  subscribed: 'subscribed reason',
}

export function kinds(): readonly Kind[] {
  return Object.keys(CONTRACT) as Kind[]
}

function wanted(kind: Kind, name: string): readonly string[] {
  const { at } = (CONTRACT[kind] as { readonly [name: string]: Row })[name] as Row
  return at === undefined ? [keyOf(kind, name)] : at.map((place) => keyOf(kind, name, place))
}

function keyOf(kind: Kind, name: string, place?: Place): string {
  return `${kind} «${name}»${place === undefined ? '' : ` at ${place}`}`
}
