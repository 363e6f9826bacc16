/** One record as all arms carry it: counted per lane, with the time at which it was meant to be sent, filled up to its size. */
export function payloadOf(n: number, dueMicros: number, kind: string, bytes: number): string {
  const head = `{"n":${n},"t":${Math.round(dueMicros)},"kind":"${kind}","pad":"`
  return `${head}${'x'.repeat(Math.max(0, bytes - head.length - 2))}"}`
}

/** Microseconds of a clock that all processes of one machine share: a wall clock may step, and `performance.now` begins at each start. */
export function nowMicros(): number {
  return Number(process.hrtime.bigint() / 1000n)
}

/** What a record looks like on the wire without Weir: the same members, so that arms send as many bytes. */
export function frameOf(offset: number, payload: string): string {
  return `{"type":"record","view":1,"id":"0-${offset}","cursor":"${CURSOR}","time":"2026-01-01T00:00:00.000Z","data":${payload}}`
}

/** As long as that of a stream with one partition. */
const CURSOR = `w1.${'A'.repeat(34)}`
