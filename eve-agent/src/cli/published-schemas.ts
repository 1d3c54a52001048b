// SPDX-License-Identifier: Apache-2.0
import type { DescribedCommand } from '@local-datastore/shared/command-line/command-table';
import { outputSchema } from '@local-datastore/shared/command-line/output-schema';
import type { PublishedSchemas } from '@local-datastore/shared/command-line/schema-command';
import { settingsSchema } from '@local-datastore/shared/command-line/settings-schema';
import { deviceConfigSchema } from '@local-datastore/shared/eve/device-config-schema';
import { RUN_SETTINGS, SETTINGS_TITLE } from './agent-options.ts';
import { OUTPUTS } from './output-schemas.ts';

/** The schemas that stand beside the sources as `NAME.schema.json`. */
export const publishedSchemas = (describe: () => Promise<DescribedCommand>): PublishedSchemas => ({
  settings: () => settingsSchema(SETTINGS_TITLE, RUN_SETTINGS),
  'device-configuration': deviceConfigSchema,
  output: async () => outputSchema(await describe(), OUTPUTS),
});
