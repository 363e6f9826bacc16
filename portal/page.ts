/** What these scripts use of a browser, in types of their own: the compiler that builds the gateway knows no page. */
export interface Node {
  textContent: string | null
  className: string
  hidden: boolean
  disabled: boolean
  value: string
  tabIndex: number
  type: string
  href: string
  readonly dataset: { [name: string]: string | undefined }
  readonly childElementCount: number
  readonly lastElementChild: Node | null
  append(...nodes: readonly (Node | string)[]): void
  prepend(...nodes: readonly (Node | string)[]): void
  remove(): void
  replaceChildren(): void
  querySelector(selector: string): Node | null
  querySelectorAll(selector: string): Iterable<Node>
  addEventListener(kind: string, act: (event: { preventDefault(): void }) => void): void
}

interface Window {
  readonly document: Node & { createElement(name: string): Node }
  readonly location: { readonly href: string }
  readonly navigator: { readonly clipboard?: { writeText(text: string): Promise<void> } }
  requestAnimationFrame(act: () => void): void
  getSelection(): { selectAllChildren(node: Node): void } | null
}

export const page = globalThis as unknown as Window

/** An element with this text, which is never read as markup. */
export function element(name: string, className: string, text = ''): Node {
  const made = page.document.createElement(name)
  made.className = className
  made.textContent = text
  return made
}

/** The page is written by the same release: what it lacks is a fault. */
export function found(within: Node, selector: string): Node {
  const node = within.querySelector(selector)
  if (!node) throw new Error(`the page has no ${selector}`)
  return node
}

/** To a page of the gateway. */
export function link(href: string, text: string): Node {
  const made = element('a', '', text)
  made.href = href
  return made
}
