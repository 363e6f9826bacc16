import { html, type Html, type Part } from './html.ts'

/** Where the reader stands: what addresses on a page begin with. */
export interface Place {
  /** Path of the public address, '' or like `/weir`. */
  readonly root: string
  /** How this reader reaches the gateway: `https://streams.example.com`, `root` at its end. */
  readonly address: string
  /** Of the files that pages load, below `root`. */
  readonly assets: string
}

interface Content {
  readonly title: string
  /** Whether the page has something for the script to do. */
  readonly script: boolean
  readonly main: Html
}

/** A whole page; nothing in it runs or styles but the files beside it. */
export function layout({ root, address, assets }: Place, { title, script, main }: Content): string {
  const host = address.replace(/^https?:\/\//, '')
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${title}</title>
        <link rel="icon" href="${assets}/portal/mark.svg" type="image/svg+xml" />
        <link rel="stylesheet" href="${assets}/portal/style.css" />
        ${
          script &&
          html`<link rel="stylesheet" href="${assets}/portal/live.css" />
            <script type="module" src="${assets}/portal/live.js"></script>`
        }
      </head>
      <body>
        <a class="skip" href="#main">Skip to the content</a>
        <header class="top">
          <a class="brand" href="${root}/"
            ><img src="${assets}/portal/mark.svg" alt="" width="28" height="28" /><span>Weir</span></a
          >
          <span class="host">${host}</span>
        </header>
        <main id="main" tabindex="-1">${main}</main>
        <footer>
          <p>
            For programs: <a href="${root}/products">the catalogue as JSON</a> ·
            <a href="${root}/.well-known/oauth-protected-resource">where tokens come from</a>
          </p>
        </footer>
      </body>
    </html> `.text
}

export function badge(text: string, kind: string): Html {
  return html`<span class="badge ${kind}">${text}</span>`
}

/** Names and what stands by them; those that say nothing are left out. */
export function facts(rows: readonly (readonly [name: string, what: Part, kind?: 'wide'])[]): Html {
  const said = rows.filter(([, what]) => what !== null && what !== undefined && what !== '' && what !== false)
  return html`<dl class="facts">
    ${said.map(
      ([name, what, kind = 'plain']) =>
        html`<div class="${kind}">
          <dt>${name}</dt>
          <dd>${what}</dd>
        </div>`,
    )}
  </dl>`
}

/** Text to copy; the script gives it a button. One line is broken where it has to be, more keep their shape. */
export function code(text: string, label: string): Html {
  return html`<div class="code ${!text.includes('\n') && 'line'}">
    <pre tabindex="0" role="region" aria-label="${label}"><code>${text}</code></pre>
  </div>`
}
