import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Grant } from '../../gateway/access/grant.ts'
import { stillSeen, type Seen, type Understood } from '../../gateway/transport/seen.ts'

describe('what was understood of a handshake', () => {
  const [stream, agreement] = [{}, {}] as [Grant['stream'], Grant['agreement']]
  const grant = { stream, agreement } as Grant
  const seen = { spec: { form: 'record' } } as Seen
  const known: Understood = { grant, seen }

  it('is what is subscribed to, where nothing has changed meanwhile', () => {
    assert.equal(stillSeen(known, { ...grant }, {}), seen)
    assert.equal(stillSeen(known, { ...grant }, { format: 'record' }), seen)
  })

  it('is forgotten where the document was published anew, the agreement is another, or the form is', () => {
    assert.equal(stillSeen(undefined, grant, {}), null)
    assert.equal(stillSeen(known, { ...grant, stream: {} as Grant['stream'] }, {}), null)
    assert.equal(stillSeen(known, { ...grant, agreement: {} as Grant['agreement'] }, {}), null)
    assert.equal(stillSeen(known, grant, { format: 'cloudevents' }), null)
  })
})
