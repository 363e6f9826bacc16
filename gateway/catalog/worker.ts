import { parentPort } from 'node:worker_threads'
import { compileDocument, type Asked } from './compile.ts'
import type { DocumentLimits, DocumentText } from './document.ts'
import type { Plan } from './plan.ts'

/** The compiler's thread: takes one document at a time, answers with its Plan. `compiler.ts` is the only one that talks to it. */
export interface CompileRequest {
  readonly document: DocumentText
  readonly limits: DocumentLimits
  readonly asked: Asked
}

export type CompileAnswer = { readonly plan: Plan } | { readonly fault: string }

parentPort?.on('message', ({ document, limits, asked }: CompileRequest) => {
  compileDocument(document, limits, asked).then(
    (plan) => answer({ plan }),
    (error: unknown) => answer({ fault: error instanceof Error ? error.message : String(error) }),
  )
})

function answer(message: CompileAnswer): void {
  parentPort?.postMessage(message)
}
