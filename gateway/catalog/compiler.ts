import { Worker } from 'node:worker_threads'
import type { Clock, Timer } from '../clock.ts'
import { planOf, type Asked } from './compile.ts'
import type { FindingCode } from './codes.ts'
import type { DocumentLimits, DocumentText } from './document.ts'
import type { Finding, Plan } from './plan.ts'
import type { CompileAnswer, CompileRequest } from './worker.ts'

export interface CompilerLimits extends DocumentLimits {
  /** For one document, from cold: the thread's start and the parser's import included. */
  readonly compileMsMax: number
  /** Heap of the compiler's thread. */
  readonly compileMemoryMiBMax: number
  /** How long the thread is kept for the next document; with the parser in it, it holds some 200 MB. */
  readonly idleMs: number
}

export const COMPILER_LIMITS: CompilerLimits = {
  documentBytesMax: 1024 * 1024,
  compileMsMax: 20_000,
  compileMemoryMiBMax: 512,
  idleMs: 10_000,
}

/** Findings that speak of this attempt, not of the document: such a Plan is not kept. */
export const PASSING_FINDINGS: ReadonlySet<string> = new Set<FindingCode>(['compile-timeout', 'compile-failed'])

interface Job {
  readonly document: DocumentText
  readonly done: (plan: Plan) => void
}

/**
 * Compiles documents in a thread of its own, one after the other, each within a deadline and a bounded heap. The thread is started by
 * the first document, serves many, and is ended when idle; one that overruns is ended and the next document gets a new one.
 */
export class Compiler {
  readonly #clock: Clock
  readonly #limits: CompilerLimits
  readonly #asked: Asked
  readonly #queue: Job[] = []
  #current: { readonly job: Job; readonly deadline: Timer } | null = null
  #worker: Worker | null = null
  #idle: Timer | null = null
  #closed = false

  constructor(clock: Clock, limits: Partial<CompilerLimits> = {}, asked: Asked = {}) {
    this.#clock = clock
    this.#asked = asked
    this.#limits = { ...COMPILER_LIMITS, ...limits }
  }

  get documentBytesMax(): number {
    return this.#limits.documentBytesMax
  }

  /** Whether a thread is up, busy or kept. */
  get running(): boolean {
    return this.#worker !== null
  }

  /** Never rejects: what goes wrong is a finding of the Plan. */
  compile(document: DocumentText): Promise<Plan> {
    return new Promise((resolve) => {
      if (this.#closed) return resolve(failedPlan(document, 'compile-failed', 'the compiler was closed'))
      this.#queue.push({ document, done: resolve })
      this.#next()
    })
  }

  async close(): Promise<void> {
    this.#closed = true
    const left = this.#queue.splice(0)
    const worker = this.#worker
    this.#finish((document) => failedPlan(document, 'compile-failed', 'the compiler was closed'))
    for (const { document, done } of left) done(failedPlan(document, 'compile-failed', 'the compiler was closed'))
    this.#drop()
    await worker?.terminate()
  }

  #next(): void {
    if (this.#current !== null) return
    const job = this.#queue.shift()
    if (job === undefined) return this.#rest()
    this.#idle?.cancel()
    const worker = (this.#worker ??= this.#start())
    worker.ref()
    const deadline = this.#clock.after(this.#limits.compileMsMax, () => this.#overrun(worker))
    this.#current = { job, deadline }
    const request: CompileRequest = {
      document: job.document,
      limits: { documentBytesMax: this.#limits.documentBytesMax },
      asked: this.#asked,
    }
    worker.postMessage(request)
  }

  #start(): Worker {
    const worker = new Worker(new URL('./worker.js', import.meta.url), {
      name: 'catalog-compiler',
      resourceLimits: { maxOldGenerationSizeMb: this.#limits.compileMemoryMiBMax },
      // The parser's libraries print; nothing of theirs belongs into our output.
      stdout: true,
      stderr: true,
    })
    worker.stdout.resume()
    worker.stderr.resume()
    worker.on('message', (answer: CompileAnswer) => this.#answered(worker, answer))
    worker.on('error', (error) => this.#broke(worker, error.message))
    worker.on('exit', () => this.#broke(worker, 'the thread ended'))
    return worker
  }

  #answered(worker: Worker, answer: CompileAnswer): void {
    // An answer of a thread that was given up comes too late.
    if (worker !== this.#worker) return
    if ('plan' in answer) this.#finish(() => answer.plan)
    else this.#finish((document) => failedPlan(document, 'compile-failed', `the compiler failed: ${answer.fault}`))
    this.#next()
  }

  #broke(worker: Worker, reason: string): void {
    if (worker !== this.#worker) return
    this.#drop()
    this.#finish((document) => failedPlan(document, 'compile-failed', `the compiler failed: ${reason}`))
    this.#next()
  }

  #overrun(worker: Worker): void {
    if (worker !== this.#worker) return
    this.#drop()
    const { compileMsMax } = this.#limits
    this.#finish((document) =>
      failedPlan(document, 'compile-timeout', `the document took longer than ${compileMsMax} ms to compile`),
    )
    void worker.terminate()
    this.#next()
  }

  #finish(planFor: (document: DocumentText) => Plan): void {
    const current = this.#current
    this.#current = null
    current?.deadline.cancel()
    current?.job.done(planFor(current.job.document))
  }

  #rest(): void {
    const worker = this.#worker
    if (worker === null || this.#closed) return
    // A waiting thread must not hold up the end of the process.
    worker.unref()
    this.#idle = this.#clock.after(this.#limits.idleMs, () => {
      this.#drop()
      void worker.terminate()
    })
  }

  /** Forgets the thread; what it still says is not listened to. */
  #drop(): void {
    this.#idle?.cancel()
    this.#idle = null
    this.#worker = null
  }
}

function failedPlan(document: DocumentText, code: FindingCode, message: string): Plan {
  const fix = 'Try again; where it stays so, split the document.'
  const place = { file: document.file, line: null, column: null }
  const finding: Finding = { severity: 'error', code, message, fix, pointer: '', ...place }
  return planOf(document, null, [finding])
}
