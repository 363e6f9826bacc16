import type { AsyncApiDocument } from './document.ts'
import { checkExtension } from './extension.ts'
import { isObject, listAt, memberOf, objectAt, textAt } from './json.ts'
import type { JsonObject } from './json.ts'
import type { Lifecycle, Product, Stream } from './plan.ts'
import { checkDefaultPlan, pricePlansOf } from './pricePlans.ts'

const PATH = ['info', 'x-data-product']

/** The product that the document describes, or `null` where it describes none or not well enough to be named. */
export function productOf(document: AsyncApiDocument, streams: readonly Stream[]): Product | null {
  const { root, findings } = document
  const info = objectAt(root, 'info')
  const extension = memberOf(info, 'x-data-product')
  if (Object.hasOwn(root, 'x-data-product'))
    findings.error('misplaced', ['x-data-product'], '`x-data-product` stands at the root', 'Move it under `info`.')
  if (extension === undefined) return tellMissing(document, streams)
  if (!checkExtension('product', extension, PATH, findings) || !isObject(extension)) return null
  const plans = pricePlansOf(extension, PATH, findings)
  checkDefaultPlan(extension, plans, PATH, findings)
  checkDeprecation(document, extension)
  if (streams.length === 0)
    findings.add(
      'warning',
      'nothing-exposed',
      PATH,
      'the product exposes no stream',
      'Say `x-data-product: { expose: read }` on a channel.',
    )
  return { ...headOf(info, extension), plans, streams, view: null }
}

function tellMissing({ findings }: AsyncApiDocument, streams: readonly Stream[]): null {
  if (streams.length > 0) {
    const message = 'channels are exposed, but the document describes no product'
    findings.error('product-missing', ['info'], message, 'Add `info.x-data-product` with `id`, `owner` and `plans`.')
  } else findings.add('info', 'no-product', [], 'the document has no `x-data-product` and exposes nothing', null)
  return null
}

function headOf(info: JsonObject, extension: JsonObject): Omit<Product, 'plans' | 'streams' | 'view'> {
  const license = memberOf(info, 'license')
  const owner = objectAt(extension, 'owner')
  return {
    id: textAt(extension, 'id') ?? '',
    title: textAt(info, 'title') ?? '',
    version: textAt(info, 'version') ?? '',
    description: textAt(info, 'description'),
    license: isObject(license) ? { name: textAt(license, 'name') ?? '', url: textAt(license, 'url') } : null,
    owner: { team: textAt(owner, 'team') ?? '', email: textAt(owner, 'email') },
    contact: contactOf(memberOf(info, 'contact')),
    domain: textAt(extension, 'domain'),
    // What is not said is kept closed.
    visibility: (textAt(extension, 'visibility') ?? 'private') as Product['visibility'],
    access: (textAt(extension, 'access') ?? 'approval') as Product['access'],
    lifecycle: (textAt(extension, 'lifecycle') ?? 'draft') as Lifecycle,
    deprecation: deprecationOf(memberOf(extension, 'deprecation')),
    sla: listAt(extension, 'sla').map((promise) => ({
      property: textAt(promise, 'property') ?? '',
      value: memberOf(promise, 'value') as string | number,
      unit: textAt(promise, 'unit'),
    })),
    defaultPlan: textAt(extension, 'defaultPlan'),
  }
}

function contactOf(value: unknown): Product['contact'] {
  const [name, url, email] = [textAt(value, 'name'), textAt(value, 'url'), textAt(value, 'email')]
  return name === null && url === null && email === null ? null : { name, url, email }
}

function deprecationOf(value: unknown): Product['deprecation'] {
  if (!isObject(value)) return null
  return { on: textAt(value, 'on') ?? '', sunset: textAt(value, 'sunset') ?? '', successor: textAt(value, 'successor') }
}

function checkDeprecation({ findings }: AsyncApiDocument, extension: JsonObject): void {
  const deprecation = deprecationOf(memberOf(extension, 'deprecation'))
  if (extension['lifecycle'] === 'deprecated' && deprecation === null)
    findings.error(
      'deprecation-missing',
      [...PATH, 'lifecycle'],
      '`lifecycle: deprecated` needs `deprecation`',
      'Add `deprecation: { on: 2026-11-30, sunset: 2027-05-31 }`.',
    )
  // Both are RFC 3339 full-dates, whose order is that of their text.
  if (deprecation !== null && deprecation.sunset < deprecation.on)
    findings.error(
      'sunset-too-early',
      [...PATH, 'deprecation', 'sunset'],
      'the sunset lies before the deprecation',
      'Give partners time: set a later day.',
    )
}
