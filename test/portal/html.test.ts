import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { html, webAddress } from '../../gateway/portal/html.ts'
import { lede, prose } from '../../gateway/portal/prose.ts'
import { HOSTILE } from './hostile.ts'

describe('markup of the portal', () => {
  it('whatever stands in a page is escaped, but for what was made as markup', () => {
    for (const text of HOSTILE) {
      const made = html`<p title="${text}">${text}</p>`.text
      assert.match(made, /^<p title="[^"<>'`]*">[^<>"'`]*<\/p>$/)
    }
    assert.equal(html`${'a & b'} ${html`<b>${1}</b>`} ${[html`<i></i>`, '<']}`.text, 'a &amp; b <b>1</b> <i></i>&lt;')
  })

  it('null and false leave nothing behind, and 0 does', () => {
    assert.equal(html`${null}${false}${undefined}${0}${[]}`.text, '0')
  })

  it('an object that only looks like markup is none', () => {
    const fake = { text: '<script>' } as unknown as string
    assert.doesNotMatch(html`${[fake]}`.text, /<script>/)
  })

  it('control characters and those that turn the direction of text are taken out, line breaks and tabs stay', () => {
    assert.equal(html`${'a\u0000b\u001b[1m\u202ec\u2069\n\td'}`.text, 'a\ufffdb\ufffd[1m\ufffdc\ufffd\n\td')
  })

  it('only web addresses lead anywhere', () => {
    assert.equal(webAddress('https://example.org/a"b'), 'https://example.org/a%22b')
    for (const text of ['javascript:alert(1)', ' https://a', 'data:text/html,x', '//a', 'https://', 'HTTPS:/x', null])
      assert.equal(webAddress(text), null, String(text))
  })

  it('a description becomes paragraphs, lists and code, and nothing else of it is markup', () => {
    const text = 'One\nline `a<b`.\n\n\n- first\n  goes on\n- <b>second</b>\n\n# [x](javascript:y)'
    const made = prose(text)?.text.replaceAll(/>\s+</g, '><')
    assert.equal(
      made,
      '<p>One line <code>a&lt;b</code>.</p><ul><li>first goes on</li><li>&lt;b&gt;second&lt;/b&gt;</li></ul><p># [x](javascript:y)</p>',
    )
    assert.equal(prose(' \n'), null)
    assert.equal(lede('One\nline.\n\nMore.')?.text, 'One line.')
  })

  it('long words are cut, and that shows', () => {
    const made = prose('x'.repeat(1_000_000))?.text ?? ''
    assert.ok(made.length < 11_000 && made.endsWith('…</p>'), String(made.length))
  })
})
