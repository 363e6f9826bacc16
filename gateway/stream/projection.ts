/**
 * What of a payload a subscriber keeps: members by path. Works on the JSON text itself and copies what is kept letter by
 * letter: numbers beyond 2^53 and the spelling of others survive, and nothing is parsed that is left out.
 */

/** Paths as a tree, made by `keptOf`. */
export interface Kept {
  /** `true` keeps everything below. */
  readonly members: ReadonlyMap<string, Kept | true>
  /** Bytes of the members' names in UTF-8: most other names are told by their length alone, without being read. */
  readonly nameBytes: ReadonlySet<number>
}

/** Joins paths like `id` and `geometry.coordinates`; a shorter path contains the longer ones below it. */
export function keptOf(paths: readonly (readonly string[])[]): Kept {
  const below = new Map<string, (readonly string[])[]>()
  for (const [member, ...rest] of paths) {
    if (member === undefined) continue
    const others = below.get(member)
    if (others) others.push(rest)
    else below.set(member, [rest])
  }
  const members = [...below].map(
    ([member, rests]) => [member, rests.some((rest) => rest.length === 0) || keptOf(rests)] as const,
  )
  const nameBytes = members.map(([member]) => Buffer.byteLength(member))
  return { members: new Map(members), nameBytes: new Set(nameBytes) }
}

/**
 * `json` is valid JSON in UTF-8. Objects keep their order, and members that come twice come twice; arrays are seen through: each element is
 * projected in its place. Where a path goes on but the value is neither object nor array there is nothing to keep: `null`.
 * Takes time in proportion to the text, and no stack, however deeply it is nested.
 */
export function project(json: Uint8Array, kept: Kept): Uint8Array {
  return new Projector(json).run(kept)
}

const QUOTE = 0x22
const COMMA = 0x2c
const BACKSLASH = 0x5c
const COLON = 0x3a
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d
const OPEN_ARRAY = 0x5b
const CLOSE_ARRAY = 0x5d
const BLANK_MAX = 0x20
const END = -1
const NULL = Buffer.from('null')

/** An object or array whose members are being gone through. */
interface Frame {
  readonly close: typeof CLOSE_OBJECT | typeof CLOSE_ARRAY
  readonly kept: Kept
  /** Whether something of it was written already. */
  some: boolean
}

class Projector {
  readonly #json: Uint8Array
  #at = 0
  /** Nearly always large enough: only `null` in the place of a shorter value is longer than what it stands for. */
  #out: Buffer
  #length = 0
  readonly #open: Frame[] = []

  constructor(json: Uint8Array) {
    this.#json = json
    this.#out = Buffer.allocUnsafe(json.byteLength + NULL.byteLength)
  }

  run(kept: Kept): Uint8Array {
    this.#value(kept)
    for (let frame = this.#open.at(-1); frame; frame = this.#open.at(-1)) {
      if (this.#peek() === COMMA) this.#at++
      const next = this.#peek()
      if (next === END) throw new RangeError('JSON text ends within an object or array')
      if (next === frame.close) this.#end(frame)
      else if (frame.close === CLOSE_OBJECT) this.#member(frame)
      else {
        this.#separate(frame)
        this.#value(frame.kept)
      }
    }
    // A copy of its own size: it may be held for a while, by the thousand.
    return new Uint8Array(this.#out.subarray(0, this.#length))
  }

  /** Begins with the value that stands here: what is inside of it is for the turns to come. */
  #value(kept: Kept): void {
    const first = this.#peek()
    if (first !== OPEN_OBJECT && first !== OPEN_ARRAY) {
      this.#skip()
      return this.#write(NULL)
    }
    this.#at++
    this.#writeByte(first)
    this.#open.push({ close: first === OPEN_OBJECT ? CLOSE_OBJECT : CLOSE_ARRAY, kept, some: false })
  }

  #end(frame: Frame): void {
    this.#at++
    this.#writeByte(frame.close)
    this.#open.pop()
  }

  #member(frame: Frame): void {
    const start = this.#at
    const end = behindString(this.#json, start)
    // Over the colon.
    this.#at = behindBlanks(this.#json, end) + 1
    const below = this.#keptBelow(frame.kept, start, end)
    if (below === undefined) return this.#skip()
    this.#separate(frame)
    this.#copy(start, end)
    this.#writeByte(COLON)
    if (below !== true) return this.#value(below)
    this.#peek()
    const from = this.#at
    this.#skip()
    this.#copy(from, this.#at)
  }

  /** What is kept below the name that stands, in its quotes, from `start` to `end`. */
  #keptBelow({ members, nameBytes }: Kept, start: number, end: number): Kept | true | undefined {
    const escaped = hasEscape(this.#json, start, end)
    if (!escaped && !nameBytes.has(end - start - 2)) return undefined
    const quoted = Buffer.from(this.#json.buffer, this.#json.byteOffset + start, end - start).toString('utf8')
    return members.get(escaped ? (JSON.parse(quoted) as string) : quoted.slice(1, -1))
  }

  #separate(frame: Frame): void {
    if (frame.some) this.#writeByte(COMMA)
    frame.some = true
  }

  #skip(): void {
    this.#at = behindValue(this.#json, this.#at)
  }

  /** Over blanks to the next byte that counts. */
  #peek(): number {
    this.#at = behindBlanks(this.#json, this.#at)
    return this.#json[this.#at] ?? END
  }

  #copy(start: number, end: number): void {
    this.#write(this.#json.subarray(start, end))
  }

  #write(bytes: Uint8Array): void {
    this.#room(bytes.byteLength)
    this.#out.set(bytes, this.#length)
    this.#length += bytes.byteLength
  }

  #writeByte(byte: number): void {
    this.#room(1)
    this.#out[this.#length++] = byte
  }

  #room(bytes: number): void {
    if (this.#length + bytes <= this.#out.byteLength) return
    const larger = Buffer.allocUnsafe((this.#length + bytes) * 2)
    larger.set(this.#out.subarray(0, this.#length))
    this.#out = larger
  }
}

/** Behind the value that begins at `at`, blanks before it included. */
function behindValue(json: Uint8Array, at: number): number {
  let end = behindBlanks(json, at)
  for (let depth = 0; end < json.length;) {
    const byte = json[end]
    if (byte === QUOTE) end = behindString(json, end)
    else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) {
      depth++
      end++
    } else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) {
      depth--
      end++
    } else if (depth === 0) return behindBare(json, end)
    else end++
    if (depth === 0) return end
  }
  return end
}

/** Behind the string that begins at `at`. */
function behindString(json: Uint8Array, at: number): number {
  let end = at + 1
  for (; json[end] !== QUOTE && end < json.length; end++) if (json[end] === BACKSLASH) end++
  return end + 1
}

/** Behind the number or word that begins at `at`. */
function behindBare(json: Uint8Array, at: number): number {
  let end = at
  for (; end < json.length; end++) {
    const byte = json[end] as number
    if (byte <= BLANK_MAX || byte === COMMA || byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) return end
  }
  return end
}

function behindBlanks(json: Uint8Array, at: number): number {
  let end = at
  while ((json[end] as number) <= BLANK_MAX) end++
  return end
}

function hasEscape(json: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (json[at] === BACKSLASH) return true
  return false
}
