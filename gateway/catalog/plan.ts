/**
 * The Plan: one AsyncAPI document, compiled to plain JSON (it crosses a worker boundary and is cached by hash). The only
 * part of `catalog/` that others may import, and types alone.
 */

/** Raised whenever the shape below or the compiler's meaning changes: older caches are then compiled anew. */
export type PlanFormat = 5

export interface Plan {
  readonly format: PlanFormat
  /** SHA-256 of the document's (and overlay's) bytes, hex. */
  readonly hash: string
  /** Where it was read, as the operator named it. */
  readonly file: string
  /** `null`: readable, but without `x-data-product`: exposes nothing. */
  readonly product: Product | null
  readonly findings: readonly Finding[]
}

export type Lifecycle = 'draft' | 'released' | 'deprecated' | 'retired'

export interface Product {
  readonly id: string
  readonly title: string
  readonly version: string
  readonly description: string | null
  readonly license: { readonly name: string; readonly url: string | null } | null
  readonly owner: { readonly team: string; readonly email: string | null }
  /** Whom partners ask, as the document's `info.contact` says. */
  readonly contact: { readonly name: string | null; readonly url: string | null; readonly email: string | null } | null
  readonly domain: string | null
  readonly visibility: 'private' | 'internal' | 'public'
  readonly access: 'open' | 'approval'
  readonly lifecycle: Lifecycle
  readonly deprecation: { readonly on: string; readonly sunset: string; readonly successor: string | null } | null
  readonly sla: readonly { readonly property: string; readonly value: string | number; readonly unit: string | null }[]
  readonly defaultPlan: string | null
  readonly plans: readonly PricePlan[]
  readonly streams: readonly Stream[]
  /** `null` where the document cannot be served. */
  readonly view: ViewBody | null
}

/** The part of the product's public view that is the same for everybody, as text. */
export interface ViewBody {
  readonly json: string
  readonly yaml: string
}
export type ViewFormat = keyof ViewBody

/** What an agreement may take and what it costs. Money is a decimal string; durations are milliseconds. */
export interface PricePlan {
  readonly name: string
  readonly price: string
  readonly priceCurrency: string
  readonly billingDuration: string
  readonly includedMessages: number
  readonly tiers: readonly { readonly upTo: number | null; readonly per1000: string }[]
  readonly replay: { readonly per1000: string; readonly olderThanMs: number } | null
  readonly overage: { readonly per1000: string } | null
  readonly windows: readonly Window[]
  readonly rate: { readonly messages: number; readonly burst: number } | null
  /** `null`: the gateway's limit. */
  readonly connections: number | null
  readonly subscriptions: number | null
  /** How far back a consumer may read; `null`: as far as the topic keeps. */
  readonly replayHorizonMs: number | null
  readonly onLimit: 'pause' | 'close' | 'overage'
  readonly onRedisLoss: 'local' | 'pause'
}

/** `perMs` divides a day and is aligned to 1970 in UTC; `'month'` is the calendar month in UTC. */
export interface Window {
  readonly perMs: number | 'month'
  readonly messages: number | null
  readonly bytes: number | null
}

export interface Stream {
  readonly id: string
  readonly title: string
  readonly description: string | null
  readonly expose: 'read' | 'write'
  /** Parameters that choose it stand in it as `{name}`. */
  readonly topic: string
  /** As the document says; a hint, the broker decides. */
  readonly partitions: number | null
  /** Kafka servers of the channel, for matching with the configured clusters. */
  readonly servers: readonly { readonly name: string; readonly cluster: string | null; readonly host: string }[]
  readonly scope: string | null
  readonly showKey: boolean
  readonly showHeaders: readonly string[]
  /** What the messages say of those headers, by name. */
  readonly headerWords: readonly (readonly [name: string, description: string])[]
  /** What to do with a record that breaks its contract. */
  readonly invalid: 'frame' | 'skip'
  /** Name of the message, or of the first of several. */
  readonly message: string
  /** What partners are told of each kind of record, in the document's order. */
  readonly kinds: readonly RecordKind[]
  /** Of what partners get. */
  readonly contentType: string
  /** How payloads are written in the topic. */
  readonly encoding: Encoding
  /** JSON Schema (draft 7) of the payload as partners get it, self-contained (`#/` refs only), nothing in it that is for the team alone; `null`: any JSON. Several messages become `anyOf`. */
  readonly schema: JsonSchema | null
  /** What `where` may name, in the document's order; empty: nothing. */
  readonly filterable: readonly FilterField[]
  /** What clients name as `param.<name>`, in the document's order. */
  readonly parameters: readonly StreamParameter[]
}

/** `confluent`: behind the magic byte and four bytes of id that serializers with a registry put first; the id is not looked at. */
export type Encoding =
  | { readonly kind: 'json' }
  | { readonly kind: 'avro'; readonly schema: unknown; readonly framing: 'plain' | 'confluent' }

/** One message of a stream in words, and payloads as partners may get them. */
export interface RecordKind {
  readonly name: string
  readonly title: string | null
  readonly summary: string | null
  readonly description: string | null
  /** They keep the stream's schema, and hold no member that it does not describe. */
  readonly examples: readonly RecordExample[]
}

export interface RecordExample {
  readonly name: string | null
  readonly summary: string | null
  readonly payload: unknown
}

/** A channel parameter by which clients choose the topic, or the records of one. Values are text, as in an address. */
export interface StreamParameter {
  readonly name: string
  readonly description: string | null
  readonly examples: readonly string[]
  /** `null`: any that fits. */
  readonly values: readonly string[] | null
  /** Values match this ECMAScript pattern, not anchored; it can be run in bounded time. */
  readonly pattern: string | null
  /** Its value where a client gives none. Without it one that chooses the topic has to be given. */
  readonly default: string | null
  /** What it filters by; `null`: it chooses the topic. */
  readonly field: FilterField | null
}

/** A field of the payload that partners may filter by. */
export interface FilterField {
  /** As `where` names it: `geometry.depth`. No two of a stream have one name. */
  readonly name: string
  /** Members from the payload's root down. */
  readonly path: readonly string[]
  readonly type: FieldType
}

/** `time` is text in the form date-time, compared as an instant. */
export type FieldType = 'string' | 'number' | 'integer' | 'boolean' | 'time'

export type JsonSchema = { readonly [keyword: string]: unknown } | boolean

/** Something to tell the document's author: what, where, how to mend it. An `error` keeps the document from being served. */
export interface Finding {
  readonly severity: 'error' | 'warning' | 'info'
  /** Stable, `kebab-case`: docs/findings.md explains each. */
  readonly code: string
  readonly message: string
  /** What to do about it. */
  readonly fix: string | null
  /** JSON Pointer into the document (or overlay), `''` for the whole. */
  readonly pointer: string
  readonly file: string
  /** 1-based; `null` where the place has no line. */
  readonly line: number | null
  /** 1-based, in UTF-16 units; `null` as `line` is. */
  readonly column: number | null
}
