import { Fault } from '../errors.ts'

/** The network binary is built per platform, Node version and C library: where none fits, say which would. */
export function explainLoadFailure(error: unknown): never {
  const message = error instanceof Error ? error.message : String(error)
  if (!/GLIBC|uWS|uws_|\.node|NODE_MODULE_VERSION|ERR_DLOPEN/.test(message)) throw error
  const { glibcVersionRuntime = 'none' } = (
    process.report.getReport() as unknown as { header: { glibcVersionRuntime?: string } }
  ).header
  const here = `${process.platform}-${process.arch}, Node ${process.versions.node} (ABI ${process.versions.modules}), glibc ${glibcVersionRuntime}`
  const fix =
    'Use Node 20 with glibc 2.27 or newer, or Node 22 or 24 with glibc 2.38 or newer (Debian 13, Ubuntu 24.04).'
  throw new Fault('usage', `The network library has no binary that loads here (${here}). ${fix}`, { cause: error })
}
