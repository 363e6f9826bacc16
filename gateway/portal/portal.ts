import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Product } from '../catalog/plan.ts'
import { packageRoot } from '../package.ts'
import { readAssets, type Asset } from './assets.ts'
import { cataloguePage } from './cataloguePage.ts'
import { ERROR_PAGES } from '../errors.ts'
import { errorPage } from './errorPage.ts'
import { missingPage } from './missingPage.ts'
import { productPage, readable, streamPage, type ProductPlace } from './productPage.ts'
import { printedRecipes } from './recipes.ts'

/** Pages for people: what is served, in words, and the stream as it runs. Knows no request and no connection. */
export interface Portal {
  /** `path` is `/`, `/p/{product}`, `/p/{product}/{stream}` or `/errors/{code}`; any other is a page that says so, with 404. */
  page(path: string, products: readonly Product[], reader: Reader): { readonly status: number; readonly html: string }
  /** Of `/assets/…`; `isNamed`: it is what this name will ever stand for. */
  asset(path: string): (Asset & { readonly isNamed: boolean }) | null
}

/** Who reads, and from where. */
export type Reader = Omit<ProductPlace, 'assets' | 'recipes'>

const ASSETS = '/assets/'
/** It holds the programs to copy. */
const RECIPES = 'docs/reconnect.md'

/** Reads what its pages load, once. */
export function createPortal(): Portal {
  const assets = readAssets()
  const file = join(packageRoot, RECIPES)
  const recipes = printedRecipes(existsSync(file) ? readFileSync(file, 'utf8') : '')
  return {
    page(path, products, reader) {
      const place = { ...reader, recipes, assets: `${reader.root}${ASSETS}${assets.tag}` }
      if (path === '/') return { status: 200, html: cataloguePage(products, place) }
      if (path.startsWith(ERROR_PAGES)) return errorPage(path.slice(ERROR_PAGES.length), place)
      const [, , id, streamId, ...rest] = path.split('/')
      const product = products.find((one) => one.id === id)
      if (!product || rest.length > 0) return { status: 404, html: missingPage(place) }
      if (streamId === undefined) return { status: 200, html: productPage(product, place) }
      const stream = readable(product).find((one) => one.id === streamId)
      if (!stream) return { status: 404, html: missingPage(place) }
      return { status: 200, html: streamPage(product, stream, place) }
    },
    asset(path) {
      const [, , tag, ...name] = path.split('/')
      const asset = assets.get(name.join('/'))
      return asset && { ...asset, isNamed: tag === assets.tag }
    },
  }
}
