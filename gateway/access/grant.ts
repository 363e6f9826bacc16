import type { PricePlan, Product, Stream } from '../catalog/plan.ts'

/** Who a token speaks for. Made by authentication alone; says nothing yet about what may be read. */
export interface Identity {
  readonly consumer: string
  readonly scopes: ReadonlySet<string>
  /** ms since 1970; every accepted token expires. */
  readonly expiresAt: number
  /** Claims of the token, for row rules. */
  readonly claims: { readonly [name: string]: unknown }
}

/** The right to one stream: made by authorization, asked for again at each refresh. */
export interface Grant {
  readonly identity: Identity
  readonly product: Product
  readonly stream: Stream
  readonly agreement: Agreement
}

/** consumer × product × plan. */
export interface Agreement {
  readonly id: string
  readonly consumer: string
  readonly product: string
  readonly plan: PricePlan
}
