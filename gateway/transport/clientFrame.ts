import { refuse, type Refusal } from '../errors.ts'
import { isRefusal } from './gate.ts'
import { printable, readFields, type Wish } from './parameters.ts'

/** Of a subscription's id, which its client chooses. */
export const ID_CHARS_MAX = 64

/** A frame of a client, read as far as its type: what else is in it is checked by whoever serves that type. */
export type ClientFrame = { readonly type: string; readonly [field: string]: unknown }

export function parseFrame(text: string): ClientFrame | Refusal {
  let frame: unknown
  try {
    frame = JSON.parse(text)
  } catch (error) {
    return refuse('bad-frame', `The frame is not JSON: ${printable((error as Error).message)}.`)
  }
  if (typeof frame !== 'object' || frame === null || Array.isArray(frame))
    return refuse('bad-frame', 'A frame is a JSON object.')
  if (typeof (frame as ClientFrame).type !== 'string') return refuse('bad-frame', 'A frame has a `type`, a string.')
  return frame as ClientFrame
}

export function idOf(frame: ClientFrame): string | null {
  return typeof frame['id'] === 'string' ? frame['id'].slice(0, ID_CHARS_MAX) : null
}

export interface SubscribeFrame {
  readonly id: string
  readonly product: string
  readonly stream: string
  readonly wish: Wish
}

export function readSubscribe(frame: ClientFrame): SubscribeFrame | Refusal {
  const { id, product, stream } = frame
  if (typeof id !== 'string' || id === '' || id.length > ID_CHARS_MAX) {
    const detail = `A \`subscribe\` frame has an \`id\` of your choice, a string of 1 to ${ID_CHARS_MAX} characters.`
    return refuse('bad-parameter', detail, { parameter: 'id' })
  }
  if (typeof product !== 'string') return unnamed('product')
  if (typeof stream !== 'string') return unnamed('stream')
  const wish = readFields(frame, ['type', 'id', 'product', 'stream'])
  return isRefusal(wish) ? wish : { id, product, stream, wish }
}

function unnamed(name: string): Refusal {
  return refuse('bad-parameter', `A \`subscribe\` frame names its \`${name}\`, a string.`, { parameter: name })
}
