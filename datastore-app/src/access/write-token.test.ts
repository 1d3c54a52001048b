// SPDX-License-Identifier: Apache-2.0
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { inspectWriteToken, loadWriteToken, parseWriteToken } from './write-token.ts';

const TOKEN = 'a-token-of-some-length';

let stateDirectory: string;
beforeEach(async () => {
  stateDirectory = await mkdtemp(join(tmpdir(), 'write-token-'));
});
afterEach(() => rm(stateDirectory, { recursive: true }));

const load = (options: { token?: string; tokenFile?: string } = {}) =>
  loadWriteToken({ token: undefined, tokenFile: undefined, stateDirectory, ...options });
const modeOf = async (file: string) => (await stat(file)).mode & 0o777;

it('makes a token at the first start, for its owner alone, and keeps it', async () => {
  const first = await load();
  expect(first.token).toMatch(/^[\w-]{43}$/);
  expect(first.file).toBe(join(stateDirectory, 'write-token'));
  expect(await modeOf(first.file ?? '')).toBe(0o600);
  expect(await readFile(first.file ?? '', 'utf8')).toBe(`${first.token}\n`);
  expect(await load()).toEqual(first);
  expect(await readdir(stateDirectory)).toEqual(['write-token']);
});

it('makes one token, however many start at once', async () => {
  const tokens = await Promise.all(Array.from({ length: 8 }, () => load()));
  expect(new Set(tokens.map(({ token }) => token)).size).toBe(1);
  expect(await readdir(stateDirectory)).toEqual(['write-token']);
});

it('takes back the file from others who could read it', async () => {
  const { file = '' } = await load();
  await chmod(file, 0o644);
  await load();
  expect(await modeOf(file)).toBe(0o600);
});

it('leaves alone what a symbolic link leads to, and says so where it leads nowhere', async () => {
  const file = join(stateDirectory, 'write-token');
  const other = join(stateDirectory, 'other');
  await writeFile(other, TOKEN, { mode: 0o644 });
  await symlink('other', file);
  expect(await load()).toEqual({ token: TOKEN, file });
  expect(await modeOf(other)).toBe(0o644);
  await rm(other);
  await expect(load()).rejects.toMatchObject({
    code: 'CONFIGURATION_INVALID',
    message: expect.stringContaining(file),
  });
});

it('can be looked at without making or changing anything', async () => {
  const file = join(stateDirectory, 'write-token');
  const kept = { token: undefined, tokenFile: undefined, stateDirectory };
  expect(await inspectWriteToken(kept)).toEqual({ token: undefined, file });
  expect(await readdir(stateDirectory)).toEqual([]);
  await writeFile(file, TOKEN, { mode: 0o644 });
  expect(await inspectWriteToken(kept)).toEqual({ token: TOKEN, file });
  expect(await modeOf(file)).toBe(0o644);
  await writeFile(file, 'short');
  await expect(inspectWriteToken(kept)).rejects.toMatchObject({ code: 'CONFIGURATION_INVALID' });
});

it('takes what is configured instead', async () => {
  const tokenFile = join(stateDirectory, 'given');
  await writeFile(tokenFile, `${TOKEN}\r\n`, { mode: 0o644 });
  expect(await load({ token: TOKEN })).toEqual({ token: TOKEN, file: undefined });
  expect(await load({ tokenFile })).toEqual({ token: TOKEN, file: tokenFile });
  // It is somebody else's, such as a secret that is mounted.
  expect(await modeOf(tokenFile)).toBe(0o644);
  expect(await readdir(stateDirectory)).toEqual(['given']);
});

it.each([
  '',
  '\n',
  'short',
  'with a space in the middle',
  `${'x'.repeat(513)}`,
  'ünicode-is-not-for-headers',
])('refuses %j, in a file as well, without repeating it', async (text) => {
  expect(() => parseWriteToken(text)).toThrow('16 to 512 printable ASCII characters');
  await writeFile(join(stateDirectory, 'write-token'), text);
  await expect(load()).rejects.toMatchObject({ code: 'CONFIGURATION_INVALID' });
  const message = await load().catch((error: Error) => error.message);
  expect(message).toContain(join(stateDirectory, 'write-token'));
  if (text.length > 6) expect(message).not.toContain(text);
});

it('names a file that cannot be read, and a state directory that cannot keep one', async () => {
  await expect(load({ tokenFile: '/absent' })).rejects.toThrow('--write-token-file /absent does not exist');
  await mkdir(join(stateDirectory, 'write-token'));
  await expect(load()).rejects.toMatchObject({ code: 'CONFIGURATION_INVALID' });
  await expect(
    loadWriteToken({ token: undefined, tokenFile: undefined, stateDirectory: '/proc' }),
  ).rejects.toMatchObject({
    code: 'CONFIGURATION_INVALID',
    message: expect.stringContaining('/proc/write-token'),
  });
});
