// SPDX-License-Identifier: Apache-2.0
/** What only root can set up: volumes of another owner, and a program that stops being root. */
import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { handOver } from '../../datastore-app/src/privileges/hand-over.ts';
import { describeWith } from '../requirements.ts';

const USER = { uid: 1000, gid: 1001 };
const ROOT = { uid: 0, gid: 0 };

describeWith(['root'], 'a volume of root', () => {
  let volume: string;
  beforeEach(async () => {
    volume = await mkdtemp(join(tmpdir(), 'volume-'));
  });
  afterEach(() => rm(volume, { recursive: true }));

  const ownerOf = async (path: string) => {
    const { uid, gid } = await stat(join(volume, path));
    return { uid, gid };
  };

  it('is given away with all that is in it, but for lost+found and what links lead to', async () => {
    for (const path of ['lost+found', 'a/b']) await mkdir(join(volume, path), { recursive: true });
    await writeFile(join(volume, 'lost+found/#12'), '');
    await writeFile(join(volume, 'a/b/image.raw'), '', { mode: 0o600 });
    await symlink('lost+found', join(volume, 'link'));
    expect(await handOver(volume, USER)).toEqual({ kept: 0, whyNone: undefined });
    expect(await handOver(volume, USER)).toEqual({ kept: 0, whyNone: undefined });
    for (const path of ['', 'a', 'a/b', 'a/b/image.raw']) expect(await ownerOf(path), path).toEqual(USER);
    for (const path of ['lost+found', 'lost+found/#12', 'link']) {
      expect(await ownerOf(path), path).toEqual(ROOT);
    }
    expect((await stat(join(volume, 'a/b/image.raw'))).mode & 0o777).toBe(0o600);
  });

  it.each([
    [0o700, '0700'],
    [0o755, '0755'],
  ])('with mode %o cannot be written by another user, who is told the way out', async (mode, shown) => {
    await rm(volume, { recursive: true });
    await mkdir(volume, { mode });
    const module = new URL('../../datastore-app/src/privileges/writable.ts', import.meta.url);
    const program = `const { whyNotWritable } = await import(${JSON.stringify(module)});
      process.setuid(1000);
      process.stdout.write((await whyNotWritable('--state', ${JSON.stringify(volume)})) ?? 'writable');`;
    const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
      encoding: 'utf8',
    });
    expect(stdout).toContain(
      `--state ${volume} cannot be written: the volume belongs to user 0 (mode ${shown}), and the program runs as user 1000.`,
    );
    expect(stdout).toContain('Start the program as root with --user UID:GID');
  });
});
