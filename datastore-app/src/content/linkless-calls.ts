// SPDX-License-Identifier: Apache-2.0
import * as fs from 'node:fs/promises';
import type { NamingCalls } from './placer.ts';

/**
 * A file system without hard links, for tests.
 *
 * @param code how it says so: vfat and exFAT with EPERM, others in other words
 */
export const linklessCalls = (code = 'EPERM'): NamingCalls => ({
  ...fs,
  async link(_file, target) {
    // The kernel looks at the name before it asks the file system.
    const isThere = await fs.lstat(target).then(
      () => true,
      () => false,
    );
    throw Object.assign(new Error(`${code}: link`), { code: isThere ? 'EEXIST' : code });
  },
});
