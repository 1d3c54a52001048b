// SPDX-License-Identifier: Apache-2.0
/** Programs of this machine for a tree of files that has no others: each comes with what it is linked to. */
import { execFileSync } from 'node:child_process';
import { copyFile, mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** @param programs where each stands here, and where it will below `root` */
export async function copyPrograms(
  root: string,
  programs: readonly (readonly [from: string, to: string])[],
): Promise<void> {
  const files = new Map<string, string>();
  for (const [from, to] of programs) {
    const linked = execFileSync('ldd', [from], { encoding: 'utf8' });
    for (const file of linked.match(/\/\S+/g) ?? []) files.set(file, file);
    files.set(from, to);
  }
  for (const [from, to] of files) {
    const target = join(root, to);
    await mkdir(dirname(target), { recursive: true });
    // What links lead to.
    await copyFile(from, target);
  }
}
