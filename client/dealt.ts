const ID = /^(?:(\d+)\.)?(\d+)-(\d+)$/

/**
 * Which records the consumer has had. On topics of more than 16 partitions only every 64th record carries a cursor, so that those
 * behind the last one come again after a break. Within a partition records come in the order of their offsets: the last one tells
 * for all before it, and one number a partition is enough.
 */
export class Dealt {
  readonly #last = new Map<string, { epoch: number; offset: number }>()

  /** Whether the record is new; then it counts as had from now on. */
  take(id: string): boolean {
    const match = ID.exec(id)
    if (!match) return true
    const [epoch, partition, offset] = [Number(match[1] ?? 0), match[2] as string, Number(match[3])]
    const last = this.#last.get(partition)
    // A later epoch is another topic under the same name, whose offsets begin anew.
    if (last && (epoch < last.epoch || (epoch === last.epoch && offset <= last.offset))) return false
    this.#last.set(partition, { epoch, offset })
    return true
  }
}
