import type { Reply } from './reply.ts'

const CHUNK_BYTES = 64 * 1024

/** Answers with one JSON text a line, as fast as they come and the client takes them: it never holds more than two chunks. */
export async function streamLines(reply: Reply, lines: AsyncIterable<object>): Promise<void> {
  const chunks = chunksOf(lines)
  let chunk = await chunks.next()
  if (reply.gone) return
  const { res } = reply
  res.cork(() => reply.writeHead(200, { 'Content-Type': 'application/x-ndjson' }))
  while (!chunk.done) {
    const { value } = chunk
    let taken = false
    res.cork(() => (taken = res.write(value)))
    const next = chunks.next()
    if (!taken) await room(reply)
    chunk = await next
    if (reply.gone) return void (await chunks.return(undefined))
  }
  reply.gone = true
  res.cork(() => res.end())
}

/** Resolves once the client has taken what was written, or has left. */
function room(reply: Reply): Promise<void> {
  return new Promise((resolve) => {
    if (reply.gone) return resolve()
    reply.onGone(resolve)
    reply.res.onWritable(() => {
      resolve()
      return true
    })
  })
}

async function* chunksOf(lines: AsyncIterable<object>): AsyncGenerator<string> {
  let text = ''
  for await (const line of lines) {
    text += `${JSON.stringify(line)}\n`
    if (text.length < CHUNK_BYTES) continue
    yield text
    text = ''
  }
  if (text !== '') yield text
}
