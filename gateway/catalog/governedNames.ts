import { filledWith } from '../drivers/topicName.ts'
import type { Tell } from './governance.ts'
import type { Path } from './json.ts'
import type { Product, Stream } from './plan.ts'

/**
 * Names of the place where the data lies, in texts that partners read. The public view shows what was written for partners as it was
 * written; that a team copied a topic's name into a description only a look at the description tells.
 */
export function checkNames(product: Product, pathOf: (stream: Stream) => Path, tell: Tell): void {
  const names = [...new Set(product.streams.flatMap(namesOf))]
  const look = (shown: readonly unknown[], path: Path, what: string): void => {
    const text = JSON.stringify(shown).toLowerCase()
    const found = names.find((name) => text.includes(name.toLowerCase()))
    if (found !== undefined)
      tell('internal-name', path, `partners would read \`${found.slice(0, 250)}\` in the texts of ${what}`)
  }
  look([product.title, product.description], ['info'], 'the product')
  for (const stream of product.streams) {
    const { id, title, description, kinds, schema, parameters } = stream
    const told = parameters.map((one) => [one.description, one.examples])
    look([title, description, kinds, schema, told], pathOf(stream), `the stream \`${id}\``)
  }
}

/** What is a name by its looks: of a topic or server called `orders` the word alone tells nothing. */
const NAME = /\w[.:_-]\w/

function namesOf({ topic, servers }: Stream): readonly string[] {
  const parts = filledWith(topic, () => '\n').split('\n')
  const names = [...parts.map((part) => part.replace(/^\W+|\W+$/g, '')), ...servers.map(({ host }) => host)]
  return names.filter((name) => NAME.test(name))
}
