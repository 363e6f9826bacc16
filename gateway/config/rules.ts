import { existsSync } from 'node:fs'
import { checkClusters } from './clusterRules.ts'
import type { Path } from './node.ts'
import type { Complain } from './problem.ts'
import type { ConfigValues } from './schema.ts'

/** What a schema cannot say: values that fit one by one and not together, and files that must be there. */
export function checkTogether(values: ConfigValues, complain: Complain): void {
  checkPorts(values, complain)
  checkSpecs(values, complain)
  checkClusters(values, complain)
  checkUsage(values, complain)
  checkOnce(
    values.access.issuers,
    (one) => one.issuer,
    (i) => ['access', 'issuers', i, 'issuer'],
    complain,
  )
  checkOnce(
    values.consumers,
    (one) => one.id,
    (i) => ['consumers', i, 'id'],
    complain,
  )
  for (const [i, { agreements }] of values.consumers.entries()) {
    checkOnce(
      agreements,
      (one) => one.product,
      (j) => ['consumers', i, 'agreements', j, 'product'],
      complain,
    )
  }
}

function checkPorts({ listen, control }: ConfigValues, complain: Complain): void {
  if (listen.port === 0 || listen.port !== control.port) return
  complain(['control', 'port'], `is ${control.port}, as is listen.port`, 'give each its own')
}

function checkUsage({ usage: { cluster }, clusters }: ConfigValues, complain: Complain): void {
  if (cluster === null || Object.hasOwn(clusters, cluster)) return
  complain(
    ['usage', 'cluster'],
    `there is no cluster ${cluster}`,
    `name one of clusters: ${Object.keys(clusters).join(', ') || 'there are none'}`,
  )
}

function checkSpecs({ specs }: ConfigValues, complain: Complain): void {
  for (const [i, path] of specs.entries()) {
    if (!existsSync(path))
      complain(['specs', i], `${path} does not exist`, 'name the folders or files of your documents')
  }
}

function checkOnce<T>(
  list: readonly T[],
  name: (one: T) => string,
  place: (i: number) => Path,
  complain: Complain,
): void {
  const seen = new Set<string>()
  for (const [i, one] of list.entries()) {
    if (seen.has(name(one))) complain(place(i), `${JSON.stringify(name(one))} stands twice`, 'put both into one entry')
    seen.add(name(one))
  }
}
