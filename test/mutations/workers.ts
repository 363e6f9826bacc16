import type { Mutation } from './mutation.ts'

/** Breaks what several processes on one port owe to each other. */
export const WORKERS: readonly Mutation[] = [
  {
    name: 'a worker that ends is replaced without a pause',
    file: 'gateway/workers/slot.ts',
    from: 'RESTART_MS_MIN * 2 ** Math.min(this.#failures++, 10)',
    to: 'RESTART_MS_MIN',
    tests: ['workers/slot'],
  },
  {
    name: 'a worker is replaced while all drain',
    file: 'gateway/workers/slot.ts',
    from: '    this.#restart?.cancel()\n',
    to: '',
    tests: ['workers/slot'],
  },
  {
    name: 'a worker that is stuck stays',
    file: 'gateway/workers/slot.ts',
    from: 'now - this.#heardAt > SILENT_MS_MAX',
    to: 'now - this.#heardAt > Infinity',
    tests: ['workers/slot'],
  },
  {
    name: 'a worker outlives its supervisor',
    file: 'gateway/workers/worker.ts',
    from: '  channel.onClose(() => leave.abort())\n',
    to: '',
    tests: ['workers/worker'],
  },
  {
    name: 'a worker gets masks in place of secrets',
    file: 'gateway/workers/parcel.ts',
    from: 'held instanceof Secret ? { [MARK]: held.reveal() } : value',
    to: 'value',
    tests: ['workers/worker'],
  },
  {
    name: 'it is ready though a worker is not',
    file: 'gateway/workers/supervisor.ts',
    from: 'ready: answers.every(',
    to: 'ready: answers.some(',
    tests: ['workers/supervisor'],
  },
  {
    name: 'all workers start at once and make everything twice',
    file: 'gateway/workers/supervisor.ts',
    from: 'start(slot, ready)',
    to: 'start(slot, Promise.resolve())',
    tests: ['workers/supervisor'],
  },
  {
    name: 'a port that somebody has is shared with him',
    file: 'gateway/workers/supervisor.ts',
    from: 'await probePort(config.listen.host, config.listen.port)',
    to: 'config.listen.port || (await probePort(config.listen.host, 0))',
    tests: ['workers/supervisor'],
  },
  {
    name: 'two workers count one boot',
    file: 'gateway/usage/identity.ts',
    from: 'worker === 0 ? FILE : `node-${worker}.json`',
    to: 'worker >= 0 ? FILE : `node-${worker}.json`',
    tests: ['usage/identity'],
  },
  {
    name: 'what workers left that are no more stays where it is',
    file: 'gateway/assembly/orphanJournals.ts',
    from: '.filter((worker) => worker >= options.from)',
    to: '.filter(() => false)',
    tests: ['assembly/orphanJournals'],
  },
  {
    name: 'the journal of a worker that lives is taken from it',
    file: 'gateway/assembly/orphanJournals.ts',
    from: '.filter((worker) => worker >= options.from)',
    to: '',
    tests: ['assembly/orphanJournals'],
  },
  {
    name: 'numbers of all workers are added up',
    file: 'gateway/metrics.ts',
    from: '  if (worker !== null) registry.setDefaultLabels({ worker })\n',
    to: '',
    tests: ['metrics'],
  },
]
