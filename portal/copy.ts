import { element, found, page, type Node } from './page.ts'

/** Each block of code gets a button. Without a clipboard, as on a page that came without TLS, the code is selected instead. */
export function addCopyButtons(document: Node): void {
  for (const block of document.querySelectorAll('.code')) {
    const code = found(block, 'code')
    const button = element('button', 'copy', 'Copy')
    button.type = 'button'
    button.addEventListener('click', () => void copy(code, button))
    block.append(button)
  }
}

async function copy(code: Node, button: Node): Promise<void> {
  try {
    await page.navigator.clipboard?.writeText(code.textContent ?? '')
    button.textContent = page.navigator.clipboard ? 'Copied' : 'Selected'
  } catch {
    // The browser has not let us: there is still the reader's own way.
    button.textContent = 'Selected'
  }
  if (button.textContent === 'Selected') page.getSelection()?.selectAllChildren(code)
}
