import type { Mutation } from './mutation.ts'

/** Breaks what the heart counts: advances of riders, what readers pay, what the meter says. */
export const COUNTING: readonly Mutation[] = [
  {
    name: 'a rider that leaves keeps its advance',
    file: 'gateway/stream/view.ts',
    from: '    stake?.settle(this)\n',
    to: '',
    tests: ['stream/hub-model'],
  },
  {
    name: 'an advance is taken back amid the slice that it pays',
    file: 'gateway/stream/stake.ts',
    from: 'const messagesEnd = Math.max(view.messages, this.#messagesSpent)',
    to: 'const messagesEnd = view.messages',
    tests: ['stream/stake'],
  },
  {
    name: 'riders are not asked whether the slice is paid',
    file: 'gateway/stream/fanout.ts',
    from: "else if (rider.stake !== null && !rider.stake.covers(view, messages, value)) rider.takeOff('quota')",
    to: '',
    tests: ['stream/hub-model'],
  },
  {
    name: 'what a lost connection was not handed is paid all the same',
    file: 'gateway/stream/reader.ts',
    from: '        batch.refund()\n',
    to: '',
    tests: ['stream/counting'],
  },
  {
    name: 'records that were read are not counted',
    file: 'gateway/stream/reader.ts',
    from: 'if (counted.length > 0) meter.read(',
    to: 'if (counted.length > 1) meter.read(',
    tests: ['stream/hub-model'],
  },
  {
    name: 'broken records are counted',
    file: 'gateway/stream/body.ts',
    from: "{ type: 'invalid', form, id, counts: false,",
    to: "{ type: 'invalid', form, id, counts: true,",
    tests: ['stream/hub-model'],
  },
  {
    name: 'a rider that comes later is counted from the start of the flush',
    file: 'gateway/stream/meter.ts',
    from: 'if (this.count++ === 0) this.#since = this.#counted',
    to: 'if (this.count++ === 0) this.#since = 0',
    tests: ['stream/hub-model'],
  },
  {
    name: 'riders of one agreement are counted as one connection',
    file: 'gateway/stream/meter.ts',
    from: 'this.#delivered += this.count * (length - this.#counted)',
    to: 'this.#delivered += Math.min(1, this.count) * (length - this.#counted)',
    tests: ['stream/hub-model'],
  },
  {
    name: 'another log is metered as the old one',
    file: 'gateway/stream/meter.ts',
    from: 'return this.#id.epoch === epoch && this.#id.log === log',
    to: 'return epoch >= 0 && log >= 0',
    tests: ['stream/hub-model'],
  },
  {
    name: 'a record that no window pays waits for ever',
    file: 'gateway/stream/reader.ts',
    from: 'return account.pool.affords(entry.record.value?.byteLength ?? 0) ? body : view.beyondPlan(entry, tail.epoch)',
    to: 'return body',
    tests: ['stream/hub-model'],
  },
  {
    name: 'who is refilled goes on waiting',
    file: 'gateway/stream/subscription.ts',
    from: "    if (this.#wait === 'quota') this.#go()\n  }\n\n  exhausted",
    to: '  }\n\n  exhausted',
    tests: ['stream/hub-model'],
  },
]
