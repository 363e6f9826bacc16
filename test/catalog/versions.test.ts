import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import { Compiler } from '../../gateway/catalog/compiler.ts'
import { servable } from '../../gateway/catalog/findings.ts'
import { systemClock } from '../../gateway/clock.ts'
import { parseYaml } from '../../gateway/drivers/yaml.ts'
import { documentWith, textOf } from './support.ts'

const OLD = ['2.0.0', '2.1.0', '2.2.0', '2.3.0', '2.4.0', '2.5.0', '2.6.0']
const NEW = ['3.0.0', '3.1.0']

function old(version: string): string {
  return `asyncapi: ${version}
info:
  title: T
  version: 1.0.0
  x-data-product: { id: one, owner: { team: t }, plans: [{ name: free, price: "0", priceCurrency: EUR }] }
servers: { main: { url: 'kafka:9092', protocol: kafka } }
channels:
  topic.v1:
    subscribe: { operationId: events, message: { payload: { type: object } } }
    x-data-product: { expose: read }
`
}

describe('AsyncAPI versions', () => {
  const compiler = new Compiler(systemClock)
  after(() => compiler.close())

  for (const version of [...OLD, ...NEW])
    it(`${version} is served, as YAML and as JSON`, async () => {
      const yaml = OLD.includes(version) ? old(version) : documentWith().replace('3.0.0', version)
      const json = JSON.stringify(parseYaml(yaml).value, null, 2)
      for (const text of [yaml, json]) {
        const plan = await compiler.compile(textOf(text))
        assert.ok(servable(plan), JSON.stringify(plan.findings))
        const [stream, ...others] = plan.product?.streams ?? []
        assert.deepEqual([plan.product?.id, stream?.id, stream?.topic, others], ['one', 'events', 'topic.v1', []])
      }
      const broken = json.replace('"expose": "read"', '"expose": "raed"')
      const [finding] = (await compiler.compile(textOf(broken))).findings
      const lines = broken.split('\n')
      const line = lines.findIndex((one) => one.includes('raed')) + 1
      assert.deepEqual(
        [finding?.code, finding?.line, finding?.column, finding?.fix],
        ['wrong-value', line, (lines[line - 1] ?? '').indexOf('"expose"') + 1, 'Did you mean `read`?'],
      )
    })
})
