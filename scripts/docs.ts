/** Writes the pages that are generated from the code: `npm run docs`. `test/docs.test.ts` fails while one of them is old. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { generatedPages } from './pages.ts'
import { packageRoot } from '../gateway/package.ts'

for (const [page, render] of Object.entries(generatedPages)) {
  const file = join(packageRoot, page)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, render())
}
