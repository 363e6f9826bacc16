/** Loads the network binary and nothing else of ours. Rejects with the loader's own words where there is none for this machine. */
export async function loadNative(): Promise<void> {
  await import('uWebSockets.js')
}
