/** Names of Kafka topics, and families of them: a template has `{name}` where a value stands. */

const TOPIC = /^(?!\.{1,2}$)[A-Za-z0-9._-]{1,249}$/
const PLACEHOLDER = /\{([^{}]*)\}/g

export function isTopicName(text: string): boolean {
  return TOPIC.test(text)
}

/** The names in braces, each once. */
export function placeholdersOf(template: string): readonly string[] {
  return [...new Set([...template.matchAll(PLACEHOLDER)].map(([, name]) => name ?? ''))]
}

/** The text with each `{name}` replaced. */
export function filledWith(template: string, valueOf: (name: string) => string): string {
  return template.replaceAll(PLACEHOLDER, (_, name: string) => valueOf(name))
}

/** Of a value that no list names. */
export const FREE_CHARS_MAX = 100
const FREE = new RegExp(`^[A-Za-z0-9._-]{1,${FREE_CHARS_MAX}}$`)

/** Whether a value that no list names may stand in a topic's name. */
export function isFreeFragment(value: string): boolean {
  return FREE.test(value)
}
