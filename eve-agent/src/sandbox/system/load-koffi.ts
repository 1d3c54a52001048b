import { accessSync } from 'node:fs';
import { createRequire } from 'node:module';
import { arch } from 'node:os';
import { isSea } from 'node:sea';
import { fileURLToPath } from 'node:url';

/** koffi 3.3.4, whose package adds nothing to its native part but the search for it. */
export type Koffi = typeof import('koffi');

/**
 * Where koffi's native part may stand, for the program that a module is of: run from source in its package; bundled
 * beside the program; of an executable file beside it, or in Debian's place for it.
 *
 * @param moduleUrl the caller's `import.meta.url`
 */
export function koffiPlaces(moduleUrl: string, isExecutable: boolean, processor: string): readonly string[] {
  const name = `koffi-${processor}.node`;
  const beside = (path: string) => fileURLToPath(new URL(path, moduleUrl));
  if (isExecutable) return [beside(`./${name}`), beside(`../lib/eve-agent/${name}`)];
  if (!moduleUrl.endsWith('.ts')) return [beside(`./${name}`)];
  const inPackage = `@koromix/koffi-linux-${processor}/linux_${processor}/koffi.node`;
  return [createRequire(moduleUrl).resolve(inPackage)];
}

let loaded: Koffi | undefined;

/**
 * Loads koffi, once. Only priv and the launcher may: a calf runs without addons.
 *
 * @throws Error koffi's native part is not where it should be, or is for another processor or C library
 */
export function loadKoffi(): Koffi {
  if (loaded !== undefined) return loaded;
  const places = koffiPlaces(import.meta.url, isSea(), arch());
  const file = places.find(isThere);
  if (file === undefined) throw new Error(`koffi's native part is missing: ${places.join(' and ')}`);
  loaded = createRequire(import.meta.url)(file) as Koffi;
  return loaded;
}

function isThere(file: string): boolean {
  try {
    accessSync(file);
    return true;
  } catch {
    return false;
  }
}
