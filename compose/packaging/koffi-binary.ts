// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import type { Architecture } from './architectures.ts';
import { providePackage } from './npm-package.ts';

/** What the program looks for (shared/src/confinement/system/load-koffi.ts). */
export const koffiName = (architecture: Architecture) => `koffi-${architecture}.node`;

/** A file of the package whose licence koffi's native part is under. */
export const KOFFI_SOURCE = 'node_modules/koffi/package.json';

/**
 * koffi's native part for an architecture, with glibc, in the version of package-lock.json.
 *
 * @returns its file
 * @throws Error when it cannot be fetched, or is not the one of the lock file
 */
export async function provideKoffi(architecture: Architecture): Promise<string> {
  const member = `linux_${architecture}/koffi.node`;
  const { folder } = await providePackage(`@koromix/koffi-linux-${architecture}`, [member]);
  return join(folder, member);
}
