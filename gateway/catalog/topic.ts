import { filledWith, isFreeFragment, isTopicName, placeholdersOf } from '../drivers/topicName.ts'
import type { Channel } from './channels.ts'
import type { Findings } from './findings.ts'
import type { Parameter } from './parameters.ts'

/** The topic is one of Kafka's, or a family of them with a name for each of its parameters. */
export function checkTopic({ address, topic, parameters, path }: Channel, findings: Findings): void {
  const chosen = placeholdersOf(topic ?? '')
  if (topic === null || !isTopicName(filledWith(topic, () => 'x'))) {
    const message = `${JSON.stringify(topic?.slice(0, 250) ?? null)} is no name of a Kafka topic`
    const fix = 'Name the topic in `bindings.kafka.topic`: at most 249 letters, digits, `.`, `_`, `-`.'
    return findings.error('topic-invalid', path, message, fix)
  }
  for (const name of new Set([...chosen, ...placeholdersOf(address ?? '')])) {
    if (parameters.some((parameter) => parameter.name === name)) continue
    const message = `the parameter \`${name.slice(0, 100)}\` stands in the channel's address or topic and is not declared`
    findings.error(
      'parameter-undeclared',
      [...path, 'parameters'],
      message,
      `Declare it under the channel's \`parameters\`.`,
    )
  }
  checkExtent(topic, parameters, findings)
}

/** Whether a value can stand in the topic's name. */
export function fitsTopic(topic: string, { name, values }: Parameter, value: string): boolean {
  if (value === '' || (values === null && !isFreeFragment(value))) return false
  return isTopicName(filledWith(topic, (other) => (other === name ? value : 'x')))
}

/** What partners may read is what the author exposed: a parameter without bounds exposes all topics that happen to fit. */
function checkExtent(topic: string, parameters: readonly Parameter[], findings: Findings): void {
  const chosen = placeholdersOf(topic)
  const open = parameters.find(({ name, values, pattern }) => chosen.includes(name) && !values && pattern === null)
  if (open === undefined) return
  const fix = `Give \`${open.name}\` an \`enum\` of its values.`
  if (filledWith(topic, () => '') === '') {
    const message = `the parameter \`${open.name}\` alone is the topic, so that partners could read every topic of the cluster`
    return findings.error('topic-unbounded', open.path, message, fix)
  }
  const message = `partners can read every topic of the cluster whose name fits \`${topic}\``
  findings.add('warning', 'topic-open', open.path, message, fix)
}
