// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigurationError } from '@local-datastore/shared/errors';
import { silentLog } from '@local-datastore/shared/log';
import { issueAuthority } from '@local-datastore/shared/tls/issue-certificates';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { readCa, readRegistryAuth, watchCa, watchRegistryAuth } from './registry-files.ts';

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

it('an authority is read again, too', async () => {
  const validity = { notBefore: new Date(0), notAfter: new Date('2052-03-04T05:06:07Z') };
  const [first, second] = await Promise.all(['a', 'b'].map((name) => issueAuthority(name, validity)));
  expect(() => watchCa(file, silentLog)).toThrow(`--ca ${file} cannot be used as PEM certificates`);
  writeFileSync(file, 'no PEM');
  expect(() => readCa(file)).toThrow(ConfigurationError);
  writeFileSync(file, first?.certificate ?? '');
  const current = watchCa(file, silentLog);
  expect(current()).toBe(first?.certificate);
  writeFileSync(file, `${second?.certificate}${first?.certificate}`);
  expect(current()).toBe(`${second?.certificate}${first?.certificate}`);
  writeFileSync(file, 'no PEM any more');
  expect(current()).toBe(`${second?.certificate}${first?.certificate}`);
  expect(watchCa(undefined, silentLog)()).toBeNull();
});
