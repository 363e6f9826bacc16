import type { Agreement, Grant, Identity } from '../access/grant.ts'
import type { Product, ViewFormat } from '../catalog/plan.ts'
import type { Refusal } from '../errors.ts'
import type { Eventual } from '../eventual.ts'
import type { Account } from '../stream/account.ts'
import type { Source } from '../stream/source.ts'
import type { Decode, StreamRef } from '../stream/view.ts'

/** What transports ask of the rest of the gateway: who is it, may it, and what would it see. Nothing here does I/O but `authenticate`. */
export interface Gate {
  authenticate(token: string): Eventual<Identity | Refusal>
  /** The right to read one stream, named as in its address. */
  authorize(identity: Identity, product: string, stream: string): Grant | Refusal
  /** The stream of a grant as the heart knows it, and where its records come from. */
  feed(grant: Grant): Feed
  /** On whose account records of a grant are handed over. */
  account(grant: Grant): Account
  /**
   * Takes a place of the agreement, over all nodes, or says that it has as many as it may. Whoever is connected takes one of each kind; pages
   * take none.
   */
  seat(agreement: Agreement, kind: SeatKind): Eventual<Seat | Refusal>
  /** The limits of an agreement, one by one; empty where its plan has none. */
  windows(agreement: Agreement): readonly QuotaWindow[]
  /** What the caller was handed in the hours that begin in [from, to), ms since 1970, by agreement. */
  usage(identity: Identity, from: number, to: number): Promise<UsageAnswer>
  /** Which records the caller is billed for in a calendar month (UTC), as ranges of offsets. */
  usageLines(identity: Identity, month: { readonly year: number; readonly month: number }): AsyncIterable<object>
  /** The products that the caller may know of. */
  visible(identity: Identity | null): readonly Product[]
  /** A product that the caller may know of, as AsyncAPI, with the plan of its own agreement or with all that are offered. */
  publicView(identity: Identity | null, product: Product, format: ViewFormat): string
  /** The token of an `Authorization` header; `null` where there is none. */
  bearer(header: string): string | null | Refusal
  /** `WWW-Authenticate` of a refusal, where it has one. */
  challenge(refusal: Refusal, tokenSent: boolean): string | null
  /** Where partners reach this gateway, without a slash at its end: what addresses in answers begin with. */
  publicUrl(): string
  /** RFC 9728. */
  resourceMetadata(): object
}

export interface UsageAnswer {
  /** Up to here everything is known, ms since 1970; `null`: nothing is sure yet. */
  readonly asOf: number | null
  readonly agreements: readonly AgreementUsage[]
}

export interface AgreementUsage {
  readonly id: string
  readonly product: string
  readonly plan: string
  readonly windows: readonly QuotaWindow[]
  readonly hours: readonly HourOfUsage[]
}

export interface HourOfUsage {
  /** ms since 1970. */
  readonly hour: number
  readonly stream: string
  readonly delivered: number
  readonly billed: number
  readonly redelivered: number
  /** Of what is billed. */
  readonly bytes: number
}

/** One limit of one window of a plan. */
export interface QuotaWindow {
  /** As the plan writes it: `P1D`, `P1M`. */
  readonly name: string
  readonly unit: 'messages' | 'bytes'
  readonly limit: number
  /** `null`: the calendar month. */
  readonly lengthMs: number | null
  /** `null` where this node does not know. `resetsAt`: ms since 1970. */
  readonly state: { readonly used: number; readonly resetsAt: number } | null
}

export type SeatKind = 'connections' | 'subscriptions'

export interface Seat {
  /** Gives it back; once is enough. */
  release(): void
}

export interface Feed {
  readonly stream: StreamRef
  readonly decode: Decode
  readonly source: Source
  /** Tells apart what records look like under documents that were published one after the other. */
  readonly revision: string
}

export function isRefusal(answer: object | null): answer is Refusal {
  return answer !== null && 'code' in answer && 'detail' in answer
}
