import type { Stream } from '../catalog/plan.ts'
import { filledWith } from '../drivers/topicName.ts'

/** Topics of one stream in the embedded log: each costs its partitions. */
const TOPICS_MAX = 1_000

/**
 * The topics that the document names for a stream, the one of the defaults first: in the embedded log nobody else makes any. Of a
 * parameter without a list of values there is its default, else its first example.
 */
export function topicsOf({ topic, parameters }: Stream): readonly string[] {
  let topics: readonly string[] = [topic]
  for (const parameter of parameters) {
    if (parameter.field !== null) continue
    const values = namedValues(parameter)
    const filled = (template: string): readonly string[] =>
      values.map((value) => filledWith(template, (name) => (name === parameter.name ? value : `{${name}}`)))
    topics = topics.flatMap(filled).slice(0, TOPICS_MAX)
  }
  return topics
}

function namedValues({ values, examples, default: standard }: Stream['parameters'][number]): readonly string[] {
  const first = standard === null ? [] : [standard]
  return [...new Set([...first, ...(values ?? (first.length > 0 ? first : examples.slice(0, 1)))])]
}
