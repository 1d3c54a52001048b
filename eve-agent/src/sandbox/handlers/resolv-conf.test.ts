// SPDX-License-Identifier: Apache-2.0
import { lstat, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createResolvConf } from './resolv-conf.ts';

const SETTINGS = {
  nameServers: ['10.0.0.3', '10.0.0.4', '10.0.0.5', '10.0.0.6'],
  search: ['a.test', 'b.test'],
};
const CONTENT = `# Written by eve-agent: what DHCP said on eth0
search a.test b.test
nameserver 10.0.0.3
nameserver 10.0.0.4
nameserver 10.0.0.5
`;

describe('resolv.conf', () => {
  let folder: string;
  let file: string;
  let savedFile: string;
  const create = () => createResolvConf({ file, savedFile, interfaceName: 'eth0' });
  const text = () => readFile(file, 'utf8');

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'resolv-conf-'));
    await Promise.all(['etc', 'state'].map((name) => mkdir(join(folder, name))));
    file = join(folder, 'etc/resolv.conf');
    savedFile = join(folder, 'state/resolv.conf');
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('is replaced, and brought back', async () => {
    await writeFile(file, 'nameserver 192.0.2.1\n');
    const before = await lstat(file);
    const resolvConf = create();
    expect(await resolvConf.write(SETTINGS)).toEqual({ kind: 'replaced' });
    expect(await text()).toBe(CONTENT);
    expect((await lstat(file)).ino).not.toBe(before.ino);
    expect((await lstat(file)).mode & 0o777).toBe(0o644);
    expect(await resolvConf.write(SETTINGS)).toEqual({ kind: 'unchanged' });
    expect(await resolvConf.restore()).toEqual({ kind: 'replaced' });
    expect(await text()).toBe('nameserver 192.0.2.1\n');
    expect(await resolvConf.restore()).toEqual({ kind: 'unchanged' });
    expect(await readdir(join(folder, 'etc'))).toEqual(['resolv.conf']);
    expect(await readdir(join(folder, 'state'))).toEqual([]);
  });

  it('is brought back after a restart, however often it was written', async () => {
    await writeFile(file, 'nameserver 192.0.2.1\n');
    await create().write(SETTINGS);
    await create().write({ nameServers: ['10.0.0.9'], search: [] });
    expect(await text()).toBe('# Written by eve-agent: what DHCP said on eth0\nnameserver 10.0.0.9\n');
    await create().restore();
    expect(await text()).toBe('nameserver 192.0.2.1\n');
  });

  it('is removed where there was none before', async () => {
    await writeFile(savedFile, 'of an earlier time');
    const resolvConf = create();
    expect(await resolvConf.write(SETTINGS)).toEqual({ kind: 'replaced' });
    expect(await resolvConf.restore()).toEqual({ kind: 'removed' });
    expect(await readdir(join(folder, 'etc'))).toEqual([]);
  });

  it('stays what somebody else made of it meanwhile', async () => {
    await writeFile(file, 'nameserver 192.0.2.1\n');
    const resolvConf = create();
    await resolvConf.write(SETTINGS);
    await writeFile(file, 'nameserver 192.0.2.2\n');
    expect(await resolvConf.restore()).toEqual({ kind: 'unchanged' });
    expect(await text()).toBe('nameserver 192.0.2.2\n');
  });

  it('is brought back where there is nothing to say', async () => {
    await writeFile(file, 'nameserver 192.0.2.1\n');
    const resolvConf = create();
    expect(await resolvConf.write({ nameServers: [], search: [] })).toEqual({ kind: 'unchanged' });
    await resolvConf.write(SETTINGS);
    expect(await resolvConf.write({ nameServers: [], search: [] })).toEqual({ kind: 'replaced' });
    expect(await text()).toBe('nameserver 192.0.2.1\n');
  });

  it('is left alone where it is a link, which is not followed', async () => {
    const target = join(folder, 'stub.conf');
    await writeFile(target, 'nameserver 127.0.0.53\n');
    await symlink(target, file);
    const resolvConf = create();
    const outcome = { kind: 'left-alone', reason: `${file} is a link to ${target}` };
    expect(await resolvConf.write(SETTINGS)).toEqual(outcome);
    expect(await resolvConf.restore()).toEqual(outcome);
    expect(await readFile(target, 'utf8')).toBe('nameserver 127.0.0.53\n');
    expect((await lstat(file)).isSymbolicLink()).toBe(true);
  });

  it('is left alone where it leads nowhere, is a folder, or far too large', async () => {
    const resolvConf = create();
    await symlink('/nowhere', file);
    expect(await resolvConf.write(SETTINGS)).toMatchObject({ kind: 'left-alone' });
    await rm(file);
    await mkdir(file);
    expect(await resolvConf.write(SETTINGS)).toEqual({
      kind: 'left-alone',
      reason: `${file} is no regular file`,
    });
    await rm(file, { recursive: true });
    await writeFile(file, '#'.repeat(64 * 1024));
    expect(await resolvConf.write(SETTINGS)).toEqual({
      kind: 'left-alone',
      reason: `${file} has 65536 bytes`,
    });
  });

  it('says why, where nothing can be written', async () => {
    await rm(join(folder, 'etc'), { recursive: true });
    expect(await create().write(SETTINGS)).toMatchObject({
      kind: 'left-alone',
      reason: expect.stringContaining('ENOENT'),
    });
  });
});
