import { totalmem } from 'node:os'
import { loadNative } from '../../transport/native.ts'

/** What a process knows of the machine that it runs on. */
export interface Facts {
  /** `linux` */
  readonly platform: string
  /** `x64` */
  readonly arch: string
  /** `20.20.0` */
  readonly node: string
  /** `2.36`; null where the C library is another one. */
  readonly glibc: string | null
  /** How many files and connections may be open at once; null where there is no end, or none is known. */
  readonly openFilesMax: number | null
  /** Memory that this process may have, of the machine or its container. */
  readonly memoryBytes: number
  /** Rejects where there is no binary for this machine. */
  readonly loadNetwork: () => Promise<void>
}

interface Report {
  readonly header: { readonly glibcVersionRuntime?: string }
  readonly userLimits?: { readonly open_files?: { readonly soft: string | number } }
}

export function factsOfProcess(): Facts {
  // It would look up the name of each peer.
  const report = process.report as typeof process.report & { excludeNetwork?: boolean }
  report.excludeNetwork = true
  const { header, userLimits } = report.getReport() as unknown as Report
  const openFiles = Number(userLimits?.open_files?.soft)
  return {
    platform: process.platform,
    arch: process.arch,
    node: process.versions.node,
    glibc: header.glibcVersionRuntime ?? null,
    openFilesMax: Number.isSafeInteger(openFiles) ? openFiles : null,
    memoryBytes: Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY),
    loadNetwork: loadNative,
  }
}
