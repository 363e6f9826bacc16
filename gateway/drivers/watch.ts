import { watch } from 'chokidar'

/** Folders and files that are watched, also while one of them is not there. */
export interface Watching {
  close(): Promise<void>
}

/**
 * Tells that something below one of the paths is another than before: not what, and not always (network file systems say nothing), so
 * look for yourself, and now and then without being told.
 */
export function watchPaths(
  paths: readonly string[],
  onChange: () => void,
  onFault: (error: unknown) => void,
): Watching {
  const watcher = watch([...paths], { ignoreInitial: true, persistent: false, ignored: isHidden })
  watcher.on('all', onChange)
  watcher.on('error', onFault)
  return { close: () => watcher.close() }

  /** Below a root only: the root itself may stand in any folder. */
  function isHidden(path: string): boolean {
    const root = paths.find((one) => path.startsWith(one))
    return root !== undefined && /[\\/](?:\.(?!\.)[^\\/]+|node_modules)(?:[\\/]|$)/.test(path.slice(root.length))
  }
}
