// SPDX-License-Identifier: Apache-2.0
/** ntpd of Debian's package ntpsec, of which nothing is installed. */
import { execFile, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Debian's package cannot be installed beside that of chrony: it is unpacked, and kept for the next run. */
const NTPSEC = join(tmpdir(), 'local-datastore-ntpsec');

/** Why there is no ntpsec, as one sentence with the way out; undefined: there is one, or it can be fetched. */
export function whyNoNtpsec(): string | undefined {
  if (existsSync(NTPSEC)) return undefined;
  const { status } = spawnSync('apt-get', ['download', '--print-uris', 'ntpsec']);
  return status === 0
    ? undefined
    : "apt knows no package ntpsec: run apt-get update, or add Debian's archive";
}

/** @returns the path of its ntpd */
export async function unpackNtpsec(): Promise<string> {
  const program = join(NTPSEC, 'usr/sbin/ntpd');
  if (existsSync(program)) return program;
  const folder = await mkdtemp(`${NTPSEC}-`);
  try {
    await run('apt-get', ['-o', 'APT::Sandbox::User=root', 'download', 'ntpsec'], { cwd: folder });
    const [archive = ''] = (await readdir(folder)).filter((name) => name.endsWith('.deb'));
    await run('dpkg-deb', ['--extract', archive, 'root'], { cwd: folder });
    // Another test may have been faster.
    await rename(join(folder, 'root'), NTPSEC).catch((error: NodeJS.ErrnoException) => {
      if (!existsSync(NTPSEC)) throw error;
    });
    return program;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
