// SPDX-License-Identifier: Apache-2.0
import type { DescribedCommand } from '@local-datastore/shared/command-line/command-table';
import { outputSchema } from '@local-datastore/shared/command-line/output-schema';
import type { PublishedSchemas } from '@local-datastore/shared/command-line/schema-command';
import { settingsSchema } from '@local-datastore/shared/command-line/settings-schema';
import { SERVE_OPTIONS, SETTINGS_TITLE } from '../config.ts';
import { OUTPUTS } from './output-schemas.ts';

/** The schemas that stand beside the sources as `NAME.schema.json`. */
export const publishedSchemas = (describe: () => Promise<DescribedCommand>): PublishedSchemas => ({
  settings: () => settingsSchema(SETTINGS_TITLE, SERVE_OPTIONS),
  output: async () => outputSchema(await describe(), OUTPUTS),
});
