// SPDX-License-Identifier: Apache-2.0
import { readFile } from 'node:fs/promises';
import { settingsSchema } from '@local-datastore/shared/command-line/settings-schema';
import { expect, it } from 'vitest';
import { RUN_SETTINGS, SETTINGS_TITLE } from './agent-options.ts';

it('publishes the schema of the settings as it is', async () => {
  const published = await readFile(new URL('../../settings.schema.json', import.meta.url), 'utf8');
  expect(JSON.parse(published)).toEqual(settingsSchema(SETTINGS_TITLE, RUN_SETTINGS));
});
