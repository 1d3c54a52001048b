// SPDX-License-Identifier: Apache-2.0
import { readFile } from 'node:fs/promises';
import { settingsSchema } from '@local-datastore/shared/command-line/settings-schema';
import { expect, it } from 'vitest';
import { SERVE_OPTIONS, SETTINGS_TITLE } from './config.ts';
import { decideServices } from './settings/name-options.ts';

it('advertises https with TLS alone', () => {
  expect(decideServices(undefined, false)).toEqual(['workstation', 'http']);
  expect(decideServices(undefined, true)).toEqual(['workstation', 'http', 'https']);
});

it("keeps EVE's order whatever the order of the flags, and each once", () => {
  expect(decideServices(['https', 'http', 'http'], true)).toEqual(['http', 'https']);
});

it('turns multicast DNS off with none', () => {
  expect(decideServices(['none'], true)).toEqual([]);
});

it('refuses none beside a service, and https without TLS', () => {
  expect(() => decideServices(['none', 'http'], false)).toThrow('--advertise none');
  expect(() => decideServices(['https'], false)).toThrow('--tls-certificate');
});

it('publishes the schema of the settings as it is', async () => {
  const published = await readFile(new URL('../settings.schema.json', import.meta.url), 'utf8');
  expect(JSON.parse(published)).toEqual(settingsSchema(SETTINGS_TITLE, SERVE_OPTIONS));
});
