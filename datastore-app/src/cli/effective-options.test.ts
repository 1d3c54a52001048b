// SPDX-License-Identifier: Apache-2.0
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { addOptions } from '@local-datastore/shared/command-line/options';
import { Command } from 'commander';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { SERVE_OPTIONS } from '../config.ts';
import { advertisementChoices, readEffectiveOptions } from './effective-options.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'effective-'));
  await writeFile(
    join(folder, 'avahi-daemon.conf'),
    '[server]\nhost-name=from-avahi\nallow-interfaces=eth0\ndeny-interfaces=eth1\n',
  );
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

function read(...args: string[]) {
  const command = addOptions(new Command('test').exitOverride(), SERVE_OPTIONS).parse(args, { from: 'user' });
  return readEffectiveOptions(command);
}

test("Avahi's files are stronger than the defaults", async () => {
  const { options, avahi } = await read('--avahi-config', folder);
  expect(options).toMatchObject({
    hostName: 'from-avahi',
    interface: ['eth0'],
    excludedInterfaces: ['eth1'],
    port: 80,
  });
  expect(avahi?.directory).toBe(folder);
});

test.each(['flag', 'environment', 'YAML'])('what is given by %s is stronger', async (how) => {
  const yaml = join(folder, 'settings.yaml');
  await writeFile(yaml, 'host-name: mine\ninterface: [eth1]\n');
  if (how === 'environment') {
    vi.stubEnv('DATASTORE_HOST_NAME', 'mine');
    vi.stubEnv('DATASTORE_INTERFACE', 'eth1');
  }
  const given = { flag: ['--host-name', 'mine', '--interface', 'eth1'], YAML: ['--config', yaml] };
  const { options } = await read('--avahi-config', folder, ...(given[how as keyof typeof given] ?? []));
  expect(options).toMatchObject({ hostName: 'mine', interface: ['eth1'] });
  expect(options.excludedInterfaces).toBeUndefined();
});

test('the folder can be named by environment and YAML', async () => {
  vi.stubEnv('DATASTORE_AVAHI_CONFIG', folder);
  expect((await read()).options.hostName).toBe('from-avahi');
  vi.unstubAllEnvs();
  const yaml = join(folder, 'settings.yaml');
  await writeFile(yaml, `avahi-config: ${folder}\n`);
  expect((await read('--config', yaml)).options.hostName).toBe('from-avahi');
});

test('without a folder named, none is read', async () => {
  const { options, avahi } = await read();
  expect(options.hostName).toBe('datastore');
  expect(avahi).toBeUndefined();
});

test.each(['absent', 'empty'])('a named folder that is %s is an error', async (name) => {
  await mkdir(join(folder, 'empty'));
  const directory = join(folder, name);
  await expect(read('--avahi-config', directory)).rejects.toThrow(
    `--avahi-config ${directory}: the folder holds neither avahi-daemon.conf nor services/*.service`,
  );
  vi.stubEnv('DATASTORE_AVAHI_CONFIG', directory);
  await expect(read()).rejects.toThrow(directory);
});

test('--advertise is a choice, its default is none', async () => {
  const byDefault = advertisementChoices(await read('--avahi-config', folder), false);
  expect(byDefault).toMatchObject({ hostLabel: 'from-avahi', isExplicit: false });
  const chosen = advertisementChoices(await read('--advertise', 'http'), false);
  expect(chosen).toEqual({
    hostLabel: 'datastore',
    ownServices: ['http'],
    isExplicit: true,
    avahi: undefined,
  });
});
