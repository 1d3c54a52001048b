import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '@local-datastore/shared/log';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { readRegistryAuth, watchRegistryAuth } from './registry-auth.ts';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'registry-auth-'));
  file = join(folder, 'config.json');
});
afterEach(() => rmSync(folder, { recursive: true }));

const basic = (pair: string) => Buffer.from(pair).toString('base64');
const write = (pair: string) =>
  writeFileSync(file, JSON.stringify({ auths: { 'ds.local': { auth: basic(pair) } } }));

it('names the file that cannot be used', () => {
  expect(() => readRegistryAuth(file)).toThrow(`--registry-auth ${file} cannot be read`);
  writeFileSync(file, 'u:p');
  expect(() => readRegistryAuth(file)).toThrow(`--registry-auth ${file} is no config.json of docker`);
  writeFileSync(file, ' '.repeat(1024 * 1024 + 1));
  expect(() => readRegistryAuth(file)).toThrow('more than');
});

it('is read again when it changes, and stays as it was when it cannot be used', () => {
  write('u:1');
  const find = watchRegistryAuth(file, silentLog);
  expect(find('ds.local', 'a')).toBe(`Basic ${basic('u:1')}`);
  write('u:longer');
  expect(find('ds.local', 'a')).toBe(`Basic ${basic('u:longer')}`);
  writeFileSync(file, '{');
  expect(find('ds.local', 'a')).toBe(`Basic ${basic('u:longer')}`);
  rmSync(file);
  expect(find('ds.local', 'a')).toBe(`Basic ${basic('u:longer')}`);
  write('u:2');
  expect(find('ds.local', 'a')).toBe(`Basic ${basic('u:2')}`);
});

it('shows nothing without a file', () => {
  expect(watchRegistryAuth(undefined, silentLog)('ds.local', 'a')).toBeNull();
});
