// SPDX-License-Identifier: Apache-2.0
/** The commands that make what is kept of who may use the registry: what they take, keep and say. */
import { spawn } from 'node:child_process';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDatastoreFolder, type DatastoreFolder } from '../lab/loopback-datastore.ts';
import { finish } from '../lab/namespace.ts';
import { readDatastoreJson } from '../lab/printed-json.ts';
import { datastoreApp } from '../lab/programs.ts';

const FINGERPRINT = 'ab'.repeat(32);

let place: DatastoreFolder;
beforeEach(async () => {
  place = await createDatastoreFolder();
});
afterEach(() => place.remove());

const run = (...args: string[]) => place.runPlain('registry', ...args, '--state', place.state);
/** With something on standard input. */
function runWith(input: string, ...args: string[]) {
  const [program = '', ...rest] = datastoreApp('registry', ...args, '--state', place.state);
  const child = spawn(program, rest, { stdio: ['pipe', 'pipe', 'pipe'] });
  child.stdin.end(input);
  return finish(child);
}
const runJson = async (...args: string[]) =>
  readDatastoreJson(['registry', ...args], (await run(...args, '--json')).stdout);
const kept = async (file: string) => {
  const path = join(place.state, file);
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  return await readFile(path, 'utf8');
};

describe('a user', () => {
  it('is given a password that is printed once, and kept as a hash', async () => {
    const { exitCode, stdout, stderr } = await run(
      'user',
      'add',
      'alice',
      '--group',
      'lab',
      '--group',
      'cam',
    );
    expect([exitCode, stderr]).toEqual([0, 'user alice is made\n']);
    expect(stdout).toMatch(/^[\w-]{43}\n$/);
    const text = await kept('registry-users.json');
    expect(text).toMatch(/sha256\$/);
    expect(text).not.toContain(stdout.trim());
    const { users } = await runJson('user', 'list');
    expect(users).toEqual([{ name: 'alice', groups: ['lab', 'cam'], created: expect.any(String) }]);
  });

  it('has the password of standard input or of a file, by scrypt, which is not printed', async () => {
    const file = join(place.folder, 'password');
    await writeFile(file, 'another pass word\n');
    for (const made of [
      await runWith('my pass word\n', 'user', 'add', 'alice', '--password-file', '-'),
      await run('user', 'add', 'bob', '--password-file', file),
    ]) {
      expect([made.exitCode, made.stdout]).toEqual([0, '']);
    }
    expect((await kept('registry-users.json')).match(/scrypt\$16384\$8\$1\$/g)).toHaveLength(2);
  });

  it.each([
    ['', 'pass'],
    ['two\nlines of it\n', 'pass'],
    ['x'.repeat(5000), 'pass'],
  ])('has none of %j', async (input) => {
    const { exitCode, stderr } = await runWith(input, 'user', 'add', 'alice', '--password-file', '-');
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining('--password-file -: one line')]);
    expect(stderr).not.toContain('lines of it');
  });
});

it('a device is known by a key, by a certificate, or by both', async () => {
  expect((await run('device', 'add', 'D1')).stdout).toMatch(/^[\w-]{43}\n$/);
  expect((await run('device', 'add', 'd2', '--certificate', `sha256:${FINGERPRINT}`)).stdout).toBe('');
  const input = ['device', 'add', 'd3', '--certificate', FINGERPRINT, '--key-file', '-'];
  expect((await runWith('key of a device', ...input)).exitCode).toBe(0);
  const { devices } = await runJson('device', 'list');
  expect(devices).toMatchObject([
    { id: 'd1', hasKey: true, certificate: null },
    { id: 'd2', hasKey: false, certificate: FINGERPRINT },
    { id: 'd3', hasKey: true, certificate: FINGERPRINT },
  ]);
});

it('a temporary token is listed without its password, until it is revoked', async () => {
  const made = JSON.parse(
    (await run('token', 'create', '--op', 'push', '--repository', 'lab/app', '--tag', '3', '--json')).stdout,
  );
  expect(made).toMatchObject({ operation: 'push', repository: 'lab/app', tag: '3' });
  expect(Date.parse(made.ends) - Date.now()).toBeGreaterThan(0);
  const listed = (await run('token', 'list')).stdout;
  expect(listed).toContain(`${made.user}  push  lab/app:3  until `);
  expect(listed + (await kept('registry-tokens.json'))).not.toContain(made.password);
  expect((await run('token', 'revoke', made.user)).exitCode).toBe(0);
  expect((await run('token', 'list')).stdout).toBe('');
});

it.each([
  [['user', 'add', 'a:b'], 'user "a:b"'],
  [['user', 'add', 'temp-1'], 'temporary tokens'],
  [['user', 'add', 'alice', '--group', 'a b'], 'group "a b"'],
  [['user', 'add', 'alice', '--password-file', '/absent'], '--password-file /absent cannot be read'],
  [['user', 'remove', 'alice'], 'there is no user "alice"'],
  [['device', 'add', 'a/b'], 'device "a/b"'],
  [['device', 'add', 'd1', '--certificate', '/absent'], '--certificate /absent cannot be used'],
  [['device', 'remove', 'd1'], 'there is no device "d1"'],
  [['token', 'create', '--repository', 'a'], '--op'],
  [['token', 'create', '--op', 'fly', '--repository', 'a'], 'pull, push, delete, rename'],
  [['token', 'create', '--op', 'pull', '--repository', 'Lab/App'], 'use "lab/app"'],
  [['token', 'create', '--op', 'pull', '--repository', 'a', '--tag', 'a b'], '--tag "a b"'],
  [['token', 'create', '--op', 'rename', '--repository', 'a', '--tag', '1'], 'whole repository'],
  [['token', 'create', '--op', 'pull', '--repository', 'a', '--ttl', '0'], 'a whole number from 1'],
  [['token', 'revoke', 'temp-1'], 'no temporary token "temp-1"'],
])('%j is refused, and keeps nothing', async (args, message) => {
  const { exitCode, stdout, stderr } = await run(...args);
  expect([exitCode, stdout, stderr]).toEqual([2, '', expect.stringContaining(message)]);
  expect(await readdir(place.state).catch(() => [])).toEqual([]);
});

it.each([['user'], ['device'], ['token']])('to list every %s makes nothing', async (what) => {
  expect(await run(what, 'list')).toMatchObject({ exitCode: 0, stdout: '' });
  expect(await readdir(place.folder)).not.toContain('state');
});
