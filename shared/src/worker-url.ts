// SPDX-License-Identifier: Apache-2.0
import { getAsset, isSea } from 'node:sea';

/**
 * Where a worker thread's program stands: beside the module that starts it. Run from source both end in
 * `.ts`; bundled, the worker is a `.js` file beside the program's own. A single executable file has nothing
 * beside it: there the worker is an asset of that name, and the URL holds the program itself.
 *
 * @param name file name without extension, such as `hash-worker`
 * @param moduleUrl the caller's `import.meta.url`
 */
export function workerUrl(name: string, moduleUrl: string): URL {
  if (isSea()) return new URL(`data:text/javascript,${encodeURIComponent(getAsset(name, 'utf8'))}`);
  return new URL(`./${name}${moduleUrl.endsWith('.ts') ? '.ts' : '.js'}`, moduleUrl);
}
