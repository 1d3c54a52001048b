// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The Debian whose packages a test installs into a machine of its own. */
export const DEBIAN_RELEASE = 'bookworm';

const HELPER = '/usr/lib/apt/apt-helper';

/**
 * The roots of the archives in the machine's apt sources, of either format, each once and in apt's order. It asks
 * no network, and needs no lists. Empty where there is no apt.
 */
export function aptArchives(aptOptions: readonly string[] = []): string[] {
  const command = ['update', '--print-uris', ...aptOptions];
  const { stdout } = spawnSync('apt-get', command, { encoding: 'utf8', timeout: 120_000 });
  const roots = (stdout ?? '').matchAll(/^'(\S+?)\/dists\/\S+\/InRelease'/gm);
  return [...new Set(Array.from(roots, ([, root = '']) => root))];
}

/** By apt, so that a proxy of the machine's is used as mmdebstrap would use it. */
function isArchiveOf(release: string, root: string): boolean {
  const file = join(tmpdir(), `debian-archive-${process.pid}`);
  try {
    const command = ['download-file', `${root}/dists/${release}/Release`, file];
    const { status } = spawnSync(HELPER, command, { timeout: 120_000 });
    // Others, too, name their releases as Debian does, of whose packages theirs are made.
    return status === 0 && /^Origin: Debian$/m.test(readFileSync(file, 'utf8'));
  } finally {
    rmSync(file, { force: true });
  }
}

/** The first of the machine's archives that answers and is Debian's own of a release; undefined: none is. */
export function findDebianArchive(release: string): string | undefined {
  return aptArchives().find((root) => isArchiveOf(release, root));
}
