// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigurationError } from '@local-datastore/shared/errors';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loadAvahiFiles } from './load-avahi-files.ts';

const SERVICE =
  '<service-group><name>NAME</name><service><type>_http._tcp</type><port>80</port></service></service-group>';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'avahi-files-'));
  await mkdir(join(folder, 'services'));
});
afterEach(() => rm(folder, { recursive: true }));

const writeService = (file: string, name = file) =>
  writeFile(join(folder, 'services', file), SERVICE.replace('NAME', name));

test('reads service files in the order of their names, and nothing else in their folder', async () => {
  for (const file of ['b.service', 'a.service', '.hidden.service', 'c.service~', 'd.txt'])
    await writeService(file);
  const found = await loadAvahiFiles(folder);
  expect(found?.services.map(({ name }) => name)).toEqual(['a.service', 'b.service']);
  expect(found?.settings).toEqual({});
});

test('reads the daemon file alone', async () => {
  await rm(join(folder, 'services'), { recursive: true });
  await writeFile(join(folder, 'avahi-daemon.conf'), '[server]\nhost-name=my-ds\n');
  expect(await loadAvahiFiles(folder)).toMatchObject({ settings: { hostLabel: 'my-ds' }, services: [] });
});

test('finds nothing in an empty folder, and none where there is none', async () => {
  expect(await loadAvahiFiles(folder)).toBeUndefined();
  expect(await loadAvahiFiles(join(folder, 'absent'))).toBeUndefined();
});

test('names the file, the line and the reason of what it cannot understand', async () => {
  await writeService('good.service');
  await writeFile(
    join(folder, 'services/bad.service'),
    '<service-group>\n<name>x</name>\n<oops/>\n</service-group>',
  );
  await expect(loadAvahiFiles(folder)).rejects.toThrow(
    `${folder}/services/bad.service, line 3: <oops> is not expected in <service-group>`,
  );
});

test.each([
  ['a pipe, without waiting for it', async (file: string) => execFileSync('mkfifo', [file]), 'it is no file'],
  ['a folder', (file: string) => mkdir(file), 'it is no file'],
  [
    'too many bytes',
    (file: string) => writeFile(file, ' '.repeat(64 * 1024 + 1)),
    'it has more than 65536 bytes',
  ],
  ['what is not UTF-8', (file: string) => writeFile(file, Buffer.from([0xff, 0xfe])), 'it is not UTF-8'],
])('refuses %s', async (_, make, reason) => {
  await make(join(folder, 'services/x.service'));
  await expect(loadAvahiFiles(folder)).rejects.toThrow(ConfigurationError);
  await expect(loadAvahiFiles(folder)).rejects.toThrow(`x.service cannot be read: ${reason}`);
});

test('refuses more files or services than there can be', async () => {
  const services = '<service><type>_http._tcp</type><port>80</port></service>'.repeat(65);
  await writeFile(
    join(folder, 'services/many.service'),
    `<service-group><name>x</name>${services}</service-group>`,
  );
  await expect(loadAvahiFiles(folder)).rejects.toThrow('has 65 services; at most 64');
  for (let n = 0; n < 64; n += 1) await writeService(`${n}.service`);
  await expect(loadAvahiFiles(folder)).rejects.toThrow('has 65 service files; at most 64');
});
