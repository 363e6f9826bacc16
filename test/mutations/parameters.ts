import type { Mutation } from './mutation.ts'

/** Breaks what channel parameters choose and filter. */
export const PARAMETERS: readonly Mutation[] = [
  {
    name: 'a cursor of another topic of the stream is taken',
    file: 'gateway/transport/chosen.ts',
    from: 'stream: { key, tag: streamTag(key), topic }',
    to: 'stream: { key, tag: ref.tag, topic }',
    tests: ['transport/params', 'transport/chosen'],
  },
  {
    name: 'topics of one stream are counted as one',
    file: 'gateway/transport/chosen.ts',
    from: "const key = ref.key + query('')",
    to: 'const { key } = ref',
    tests: ['transport/chosen', 'transport/seen'],
  },
  {
    name: 'a parameter that filters is dropped where `where` is given',
    file: 'gateway/transport/selection.ts',
    from: 'const all = where === null ? chosen : [where, ...chosen]',
    to: 'const all = where === null ? chosen : [where]',
    tests: ['transport/chosen', 'transport/params'],
  },
  {
    name: 'a value that no document lists is read',
    file: 'gateway/transport/chosen.ts',
    from: 'if (values !== null && !values.includes(value)) {',
    to: 'if (value === null) {',
    tests: ['transport/chosen', 'transport/params'],
  },
  {
    name: 'tails of topics that nobody reads any more add up',
    file: 'gateway/stream/hub.ts',
    from: 'for (const tail of lingering.slice(LINGERING_TAILS_MAX)) this.#drop(tail)',
    to: '',
    tests: ['transport/params'],
  },
]
