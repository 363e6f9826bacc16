import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { pointerOf, stepsOf } from '../../gateway/catalog/json.ts'
import { codesOf, documentWith, read, textOf } from './support.ts'

describe('document', () => {
  it('an overlay adds to and replaces what the document says, lists as a whole', () => {
    const document = documentWith({ stream: '{ expose: read, showHeaders: [a, b] }' })
    const overlay = 'info: { version: 2.0.0 }\nchannels: { Events: { x-data-product: { showHeaders: [c] } } }'
    const { product, findings } = read(textOf(document, overlay))
    assert.deepEqual(findings, [])
    assert.equal(product?.version, '2.0.0')
    assert.equal(product?.title, 'T')
    assert.deepEqual(product?.streams[0]?.showHeaders, ['c'])
  })

  it('a finding names the text and the line that its author has to open', () => {
    const overlay = 'channels:\n  Events:\n    x-data-product:\n      expose: raed'
    const [finding] = read(textOf(documentWith({ stream: '{ scope: a }' }), overlay)).findings
    assert.deepEqual([finding?.file, finding?.line], ['doc.product.yaml', 4])
    const [own] = read(textOf(documentWith({ plan: 'onLimt: pause' }))).findings
    assert.deepEqual([own?.file, own?.line, own?.pointer], ['doc.yaml', 9, '/info/x-data-product/plans/0/onLimt'])
    const [missing] = read(
      textOf(
        'asyncapi: 3.0.0\ninfo:\n  title: T\n  x-data-product:\n    id: a\n    plans: [{name: a, price: "1", priceCurrency: EUR}]',
      ),
    ).findings
    assert.deepEqual([missing?.code, missing?.line], ['missing-key', 4])
  })

  it('versions that are not known are refused, the known ones of both generations are not', () => {
    for (const version of ['2.0.0', '2.6.0', '3.0.0', '3.1.0'])
      assert.deepEqual(codesOf(read(textOf(`asyncapi: ${version}`)).findings), [])
    for (const version of ['1.2.0', '2.7.0', '3.2.0', '4.0.0', '3.0', '"3"', '[3]', 'null'])
      assert.deepEqual(codesOf(read(textOf(`asyncapi: ${version}`)).findings), ['version-unsupported'], version)
  })

  it('what is no AsyncAPI document, no map or no readable text is told as that', () => {
    for (const text of ['', 'a: 1', '[1]', 'x', 'null'])
      assert.deepEqual(codesOf(read(textOf(text)).findings), ['not-asyncapi'], text)
    assert.deepEqual(codesOf(read(textOf('asyncapi: [')).findings), ['unreadable'])
    assert.deepEqual(codesOf(read(textOf('asyncapi: 3.0.0', 'a: b: c')).findings), ['unreadable'])
    assert.deepEqual(codesOf(read(textOf('asyncapi: 3.0.0', '[1]')).findings), ['overlay-invalid'])
  })

  it('every reference that does not stay in the document is refused, wherever it stands', () => {
    for (const ref of [
      'http://a/b',
      './x.yaml',
      '/etc/passwd',
      'file:///etc/passwd',
      'other.yaml#/a',
      '#',
      '',
      '{ a: 1 }',
      '[1]',
      '1',
      'null',
    ]) {
      const { findings } = read(
        textOf(
          `asyncapi: 3.0.0\nx-deep:\n  - a:\n      $ref: ${ref.startsWith('{') || ref.startsWith('[') ? ref : JSON.stringify(ref)}`,
        ),
      )
      assert.deepEqual(codesOf(findings), ['ref-external'], ref)
      assert.equal(findings[0]?.line, 4)
    }
    assert.deepEqual(codesOf(read(textOf('asyncapi: 3.0.0\nx: { $ref: "#/nowhere" }')).findings), ['ref-unresolved'])
    assert.deepEqual(codesOf(read(textOf('asyncapi: 3.0.0\nx: { $ref: "#/constructor" }')).findings), [
      'ref-unresolved',
    ])
    assert.deepEqual(codesOf(read(textOf('asyncapi: 3.0.0\nx: { $ref: "#/y" }\ny: { $ref: "#/x" }')).findings), [
      'ref-unresolved',
      'ref-unresolved',
    ])
  })

  it('references that blow the document up are refused before they are written out', () => {
    const wide = Array.from(
      { length: 40 },
      (_, i) =>
        `    a${i}: { allOf: [{ $ref: '#/components/schemas/a${i + 1}' }, { $ref: '#/components/schemas/a${i + 1}' }] }`,
    )
    const text = `asyncapi: 3.0.0\ncomponents:\n  schemas:\n${wide.join('\n')}\n    a40: {}`
    assert.deepEqual(codesOf(read(textOf(text)).findings), ['refs-too-many'])
    const long = Array.from(
      { length: 2000 },
      (_, i) => `    a${i}: { not: { $ref: '#/components/schemas/a${i + 1}' } }`,
    )
    const chain = `asyncapi: 3.0.0\ncomponents:\n  schemas:\n${long.join('\n')}\n    a2000: {}`
    assert.deepEqual(codesOf(read(textOf(chain)).findings), ['refs-too-deep'])
  })

  it('pointers are written and read as RFC 6901 says', () => {
    assert.equal(pointerOf(['a/b', 'm~n', 0]), '/a~1b/m~0n/0')
    assert.deepEqual(stepsOf('#/a~1b/m~0n/%20'), ['a/b', 'm~n', ' '])
    assert.equal(stepsOf('#/%zz'), null)
    assert.equal(stepsOf('a'), null)
  })
})
