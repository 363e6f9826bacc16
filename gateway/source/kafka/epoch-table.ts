/** Topic ids that are remembered per topic; an older one that came back would be taken for a new one. */
export const IDS_MAX = 64
/** Topics that are remembered; then the one whose log changed longest ago goes. */
export const TOPICS_MAX = 10_000

interface Row {
  readonly cluster: string
  readonly topic: string
  /** The epoch of `ids[0]`; the others follow one by one. */
  readonly first: number
  readonly ids: readonly string[]
}

const VERSION = 1

/** Which topic ids stood under which names, in the order of their coming: a value that can be written down. */
export class EpochTable {
  readonly #rows = new Map<string, Row>()
  /** Above every epoch of a topic that was forgotten: where a topic that nobody remembers begins. */
  #floor = 0

  /** The epoch that is written down; `null` where none is. */
  find(cluster: string, topic: string, id: string): number | null {
    const row = this.#rows.get(keyOf(cluster, topic))
    const at = row?.ids.indexOf(id) ?? -1
    return row === undefined || at < 0 ? null : row.first + at
  }

  /** The epoch of the id, from now on if it is new. */
  note(cluster: string, topic: string, id: string): number {
    const known = this.find(cluster, topic, id)
    if (known !== null) return known
    const key = keyOf(cluster, topic)
    const { first, ids } = this.#rows.get(key) ?? { first: this.#floor, ids: [] }
    const forgotten = Math.max(0, ids.length + 1 - IDS_MAX)
    // Set anew, it is the last in the order of forgetting.
    this.#rows.delete(key)
    this.#rows.set(key, { cluster, topic, first: first + forgotten, ids: [...ids.slice(forgotten), id] })
    if (this.#rows.size > TOPICS_MAX) this.#forgetOne()
    return first + ids.length
  }

  /** Takes over what another table knows beyond this one, as where this one's file was lost. */
  absorb(other: EpochTable): void {
    this.#floor = Math.max(this.#floor, other.#floor)
    for (const [key, row] of other.#rows) {
      const mine = this.#rows.get(key)
      if (mine === undefined || mine.first + mine.ids.length < row.first + row.ids.length) this.#rows.set(key, row)
    }
    while (this.#rows.size > TOPICS_MAX) this.#forgetOne()
  }

  toText(): string {
    return JSON.stringify({ version: VERSION, floor: this.#floor, topics: [...this.#rows.values()] })
  }

  /** Throws `RangeError` where the text is none of `toText`, saying why. */
  static fromText(text: string): EpochTable {
    const { version, floor, topics } = parsed(text)
    if (version !== VERSION) throw new RangeError(`it is of version ${JSON.stringify(version)}, not ${VERSION}`)
    if (!isCount(floor) || !Array.isArray(topics)) throw new RangeError('it lacks `floor` or `topics`')
    const table = new EpochTable()
    table.#floor = floor
    for (const row of topics as unknown[]) {
      if (!isRow(row)) throw new RangeError(`it holds a row that is none: ${JSON.stringify(row).slice(0, 200)}`)
      table.#rows.set(keyOf(row.cluster, row.topic), row)
    }
    return table
  }

  #forgetOne(): void {
    for (const [key, { first, ids }] of this.#rows) {
      this.#floor = Math.max(this.#floor, first + ids.length)
      this.#rows.delete(key)
      return
    }
  }
}

/** Names of clusters hold no space. */
function keyOf(cluster: string, topic: string): string {
  return `${cluster} ${topic}`
}

function parsed(text: string): { readonly [field: string]: unknown } {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new RangeError('it is no JSON', { cause: error })
  }
  return typeof value === 'object' && value !== null ? (value as { [field: string]: unknown }) : {}
}

function isRow(row: unknown): row is Row {
  if (typeof row !== 'object' || row === null) return false
  const { cluster, topic, first, ids } = row as Partial<Row>
  const texts = [cluster, topic, ...(Array.isArray(ids) ? ids : [null])]
  return texts.every((text) => typeof text === 'string') && isCount(first)
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}
