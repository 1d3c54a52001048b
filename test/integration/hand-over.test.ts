// SPDX-License-Identifier: Apache-2.0
/**
 * Root gives a volume away while whoever may write to it exchanges what is in it, at the worst moment: before
 * each single call to the file system.
 */
import { execFileSync } from 'node:child_process';
import { linkSync, mkdirSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { chmod, chown, mkdtemp, rename, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { handOver } from '../../datastore-app/src/privileges/hand-over.ts';
import { describeWith } from '../requirements.ts';

const USER = { uid: 1000, gid: 1001 };
const STRANGER = 2000;

/** What is done before the call with this number, counted from 0. */
const exchange = vi.hoisted(() => ({ before: -1, calls: 0, run: () => {} }));

vi.mock('node:fs/promises', async (importOriginal) => {
  const original = await importOriginal<typeof import('node:fs/promises')>();
  const watched = Object.fromEntries(
    (['lstat', 'open', 'opendir', 'chown', 'lchown'] as const).map((name) => [
      name,
      (...args: unknown[]) => {
        if (exchange.calls++ === exchange.before) exchange.run();
        return (original[name] as (...all: unknown[]) => unknown)(...args);
      },
    ]),
  );
  return { ...original, ...watched };
});

describeWith(['root'], 'a volume whose writer is hostile', () => {
  let folder: string;
  const at = (path: string) => join(folder, path);
  const ownerOf = (path: string) => statSync(at(path)).uid;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'hand-over-'));
    mkdirSync(at('volume/sub/deep'), { recursive: true });
    mkdirSync(at('etc/deep'), { recursive: true });
    for (const path of [
      'volume/sub/a',
      'volume/sub/deep/b',
      'volume/file',
      'etc/a',
      'etc/deep/b',
      'etc/file',
    ]) {
      writeFileSync(at(path), '');
    }
    Object.assign(exchange, { before: -1, calls: 0, run: () => {} });
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it.each([
    ['a folder', 'volume/sub', 'etc'],
    ['a folder in a folder', 'volume/sub/deep', 'etc/deep'],
    ['a file', 'volume/file', 'etc/file'],
    ['a file in a folder', 'volume/sub/a', 'etc/a'],
    ['the volume', 'volume', 'etc'],
  ])('gives nothing outside away where %s becomes a link', async (_, name, victim) => {
    for (let before = 0; ; before += 1) {
      let isExchanged = false;
      Object.assign(exchange, {
        before,
        calls: 0,
        run: () => {
          renameSync(at(name), at('moved'));
          symlinkSync(at(victim), at(name));
          isExchanged = true;
        },
      });
      await handOver(at('volume'), USER).catch((error) => expect(error.code).toMatch(/^(ENOTDIR|ELOOP)$/));
      for (const path of ['etc', 'etc/a', 'etc/deep', 'etc/deep/b', 'etc/file']) {
        expect(ownerOf(path), `${path}, exchanged before call ${before}`).toBe(0);
      }
      if (!isExchanged) break;
      rmSync(at(name));
      renameSync(at('moved'), at(name));
      for (const path of ['volume', 'volume/sub', 'volume/sub/deep', 'volume/file', 'volume/sub/a']) {
        await chown(at(path), 0, 0);
      }
    }
    expect(exchange.calls).toBeGreaterThan(5);
  });

  it('leaves alone a file that has a second name, which may stand anywhere', async () => {
    linkSync(at('etc/file'), at('volume/linked'));
    expect(await handOver(at('volume'), USER)).toEqual({ kept: 1, whyNone: undefined });
    expect(ownerOf('etc/file')).toBe(0);
    expect(ownerOf('volume/file')).toBe(USER.uid);
  });

  it('leaves alone what is another user’s, and gives the rest', async () => {
    await chown(at('volume/sub'), STRANGER, STRANGER);
    await chown(at('volume/file'), STRANGER, STRANGER);
    expect(await handOver(at('volume'), USER)).toEqual({ kept: 2, whyNone: undefined });
    expect(ownerOf('volume/sub')).toBe(STRANGER);
    expect(ownerOf('volume/sub/deep')).toBe(USER.uid);
  });

  it('gives nothing of a volume that is another user’s', async () => {
    await chown(at('volume'), STRANGER, STRANGER);
    expect(await handOver(at('volume'), USER)).toEqual({
      kept: 0,
      whyNone: expect.stringContaining(`belongs to user ${STRANGER}`),
    });
    expect(ownerOf('volume/file')).toBe(0);
  });

  it.each([
    ['belongs to another user', () => chown(folder, STRANGER, STRANGER)],
    ['belongs to the very user', () => chown(folder, USER.uid, USER.gid)],
    ['is open to its group', () => chmod(folder, 0o770)],
    ['is open to all', () => chmod(folder, 0o757)],
  ])('gives nothing where the folder that it stands in %s', async (_, open) => {
    await open();
    expect(await handOver(at('volume'), USER)).toEqual({
      kept: 0,
      whyNone: expect.stringContaining(`can exchange ${at('volume')}`),
    });
    expect(ownerOf('volume')).toBe(0);
    expect(ownerOf('volume/file')).toBe(0);
  });

  it('gives away in a folder of all where owners alone rename what is theirs', async () => {
    await chmod(folder, 0o1777);
    expect(await handOver(at('volume'), USER)).toEqual({ kept: 0, whyNone: undefined });
    expect(ownerOf('volume/file')).toBe(USER.uid);
  });

  it('gives away what is mounted in such a folder: nobody can rename it', async () => {
    await chown(folder, USER.uid, USER.gid);
    execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', at('volume')]);
    try {
      expect(await handOver(at('volume'), USER)).toEqual({ kept: 0, whyNone: undefined });
      expect(ownerOf('volume')).toBe(USER.uid);
    } finally {
      execFileSync('umount', [at('volume')]);
    }
  });

  it('stays on the file system of the volume', async () => {
    execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', at('volume/sub')]);
    try {
      expect(await handOver(at('volume'), USER)).toEqual({ kept: 0, whyNone: undefined });
      expect(ownerOf('volume/sub')).toBe(0);
      expect(ownerOf('volume/file')).toBe(USER.uid);
    } finally {
      execFileSync('umount', [at('volume/sub')]);
    }
  });

  it('does not go below the depth that image paths can have', async () => {
    let deep = at('volume');
    for (let level = 0; level < 300; level += 1) {
      deep = join(deep, 'd');
      mkdirSync(deep);
    }
    expect(await handOver(at('volume'), USER)).toEqual({ kept: 1, whyNone: undefined });
  });

  it('does not follow the path of the volume itself', async () => {
    await rename(at('volume'), at('moved'));
    await symlink(at('etc'), at('volume'));
    await expect(handOver(at('volume'), USER)).rejects.toThrow(/ENOTDIR|ELOOP/);
    expect(ownerOf('etc')).toBe(0);
  });
});
