/**
 * Where a worker thread's program stands: beside the module that starts it. Run from source both end in
 * `.ts`; bundled, the worker is a `.js` file beside the program's own.
 *
 * @param name file name without extension, such as `hash-worker`
 * @param moduleUrl the caller's `import.meta.url`
 */
export function workerUrl(name: string, moduleUrl: string): URL {
  return new URL(`./${name}${moduleUrl.endsWith('.ts') ? '.ts' : '.js'}`, moduleUrl);
}
