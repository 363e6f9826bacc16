import type { Grant, Identity } from '../access/grant.ts'
import type { Product } from '../catalog/plan.ts'
import type { Refusal } from '../errors.ts'
import type { Source } from '../stream/source.ts'
import type { Decode, StreamRef } from '../stream/view.ts'

/** What transports ask of the rest of the gateway: who is it, may it, and what would it see. Nothing here does I/O but `authenticate`. */
export interface Gate {
  authenticate(token: string): Promise<Identity | Refusal>
  /** The right to read one stream, named as in its address. */
  authorize(identity: Identity, product: string, stream: string): Grant | Refusal
  /** The stream of a grant as the heart knows it, and where its records come from. */
  feed(grant: Grant): Feed
  /** The products that the caller may know of. */
  visible(identity: Identity | null): readonly Product[]
  /** The token of an `Authorization` header; `null` where there is none. */
  bearer(header: string): string | null | Refusal
  /** `WWW-Authenticate` of a refusal, where it has one. */
  challenge(refusal: Refusal, tokenSent: boolean): string | null
  /** Where partners reach this gateway, without a slash at its end: what addresses in answers begin with. */
  publicUrl(): string
  /** RFC 9728. */
  resourceMetadata(): object
}

export interface Feed {
  readonly stream: StreamRef
  readonly decode: Decode
  readonly source: Source
}

export function isRefusal(answer: object | null): answer is Refusal {
  return answer !== null && 'code' in answer && 'detail' in answer
}
