// SPDX-License-Identifier: Apache-2.0
import { accessSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { arch, tmpdir } from 'node:os';
import { join } from 'node:path';
import { getRawAsset, isSea } from 'node:sea';
import { fileURLToPath } from 'node:url';

/** koffi 3.3.4, whose package adds nothing to its native part but the search for it. */
export type Koffi = typeof import('koffi');

/** What its native part is called beside a program, and in an executable. */
const fileName = (processor: string) => `koffi-${processor}.node`;

/**
 * Where koffi's native part may stand, for the program that a module is of: run from source in its package; bundled
 * beside the program; of an executable file beside it, or in Debian's place for it.
 *
 * @param moduleUrl the caller's `import.meta.url`
 */
export function koffiPlaces(moduleUrl: string, isExecutable: boolean, processor: string): readonly string[] {
  const name = fileName(processor);
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
  const isExecutable = isSea();
  const places = koffiPlaces(import.meta.url, isExecutable, arch());
  const file = places.find(isThere);
  if (file !== undefined) loaded = loadFile(file);
  else if (isExecutable) loaded = loadFromExecutable(fileName(arch()));
  else throw new Error(`koffi's native part is missing: ${places.join(' and ')}`);
  return loaded;
}

const loadFile = (file: string) => createRequire(import.meta.url)(file) as Koffi;

/** The loader takes a library from a file alone, so that it is one for as long as that takes. */
function loadFromExecutable(name: string): Koffi {
  const folder = mkdtempSync(join(tmpdir(), 'eve-agent-'));
  try {
    const file = join(folder, name);
    writeFileSync(file, Buffer.from(getRawAsset(name)), { mode: 0o500 });
    return loadFile(file);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function isThere(file: string): boolean {
  try {
    accessSync(file);
    return true;
  } catch {
    return false;
  }
}
