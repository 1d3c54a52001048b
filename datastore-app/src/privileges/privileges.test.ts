// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigurationError } from '@local-datastore/shared/errors';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { dropPrivileges, type ProcessIdentity, willDropPrivileges } from './drop-privileges.ts';
import { parseServiceUser } from './service-user.ts';
import { whyNotWritable } from './writable.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'privileges-'));
});
afterEach(() => rm(folder, { recursive: true }));

/** A process that writes down who it becomes, and refuses one of the steps. */
function fakeProcess(uid: number, refused?: 'setgroups' | 'setgid' | 'setuid') {
  const steps: string[] = [];
  const step = (name: string) => (value: number | number[]) => {
    if (name === refused) throw new Error('EPERM, Operation not permitted');
    steps.push(`${name} ${JSON.stringify(value)}`);
  };
  const identity: ProcessIdentity = {
    getuid: () => uid,
    setgroups: step('setgroups'),
    setgid: step('setgid'),
    setuid: step('setuid'),
  };
  return { identity, steps };
}

describe('parseServiceUser', () => {
  it.each([
    ['1000:1001', { uid: 1000, gid: 1001 }],
    ['1000', { uid: 1000, gid: 1000 }],
    ['0', { uid: 0, gid: 0 }],
    ['4294967294:0', { uid: 4_294_967_294, gid: 0 }],
  ])('reads %s', (text, user) => {
    expect(parseServiceUser(text)).toEqual(user);
  });

  it.each(['', 'node', 'node:node', '1000:', ':1000', '-1', '1000:1000:1000', '4294967295', '1e3', ' 1000'])(
    'refuses "%s"',
    (text) => {
      expect(() => parseServiceUser(text)).toThrow('UID or UID:GID');
    },
  );
});

describe('dropPrivileges', () => {
  const user = { uid: 1000, gid: 1001 };

  it('gives up the groups, then the group, then root', async () => {
    const { identity, steps } = fakeProcess(0);
    expect(willDropPrivileges(identity, user)).toBe(true);
    await dropPrivileges(identity, user, []);
    expect(steps).toEqual(['setgroups []', 'setgid 1001', 'setuid 1000']);
  });

  it.each([
    ['was not started as root', 1000, user],
    ['has no user to become', 0, undefined],
    ['shall stay root', 0, { uid: 0, gid: 0 }],
  ])('does nothing where the program %s', async (_, uid, wanted) => {
    const { identity, steps } = fakeProcess(uid);
    const before = await stat(folder);
    expect(willDropPrivileges(identity, wanted)).toBe(false);
    expect(await dropPrivileges(identity, wanted, [folder])).toEqual([]);
    expect(steps).toEqual([]);
    expect((await stat(folder)).uid).toBe(before.uid);
  });

  it.each(['setgroups', 'setgid', 'setuid'] as const)(
    'tells the way out where %s is refused',
    async (step) => {
      const attempt = dropPrivileges(fakeProcess(0, step).identity, user, []);
      await expect(attempt).rejects.toThrow(ConfigurationError);
      await expect(attempt).rejects.toThrow(/1000:1001.*docker run --user 1000:1001.*DATASTORE_USER=0/);
    },
  );
});

describe('whyNotWritable', () => {
  it('has nothing against a directory of ours', async () => {
    expect(await whyNotWritable('--state', folder)).toBeUndefined();
  });

  it('does not hide what is no matter of permissions', async () => {
    await expect(whyNotWritable('--state', join(folder, 'none'))).rejects.toThrow('ENOENT');
  });
});
