// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { appInstanceSchema } from './app-instance.ts';
import { contentTreeSchema } from './content-tree.ts';
import { datastoreConfigSchema } from './datastore-config.ts';
import { networkInstanceConfigSchema } from './network-instance-config.ts';
import { volumeSchema } from './volume.ts';

type JsonSchema = Readonly<Record<string, unknown>>;

/** The lists of a configuration: what stands in them, and what they are for. */
const LISTS: Readonly<Record<string, readonly [name: string, schema: z.ZodType, description: string]>> = {
  datastores: ['datastore', datastoreConfigSchema, 'Where content comes from.'],
  contentInfo: ['contentTree', contentTreeSchema, 'What of it the device is to have.'],
  volumes: ['volume', volumeSchema, 'What apps are started from, and write to.'],
  apps: ['app', appInstanceSchema, 'What is to run.'],
  networkInstances: ['networkInstance', networkInstanceConfigSchema, 'What apps are attached to.'],
};

/** As a document may have it, before defaults and other spellings of values are turned into what is meant. */
function writtenSchema(schema: z.ZodType): JsonSchema {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
  return rest;
}

/**
 * The JSON Schema (draft 2020-12) of a document of a device configuration, so that editors can complete and check it:
 * under the names that JSON has, though others are read too, and open to what else stands in EVE's `EdgeDevConfig`.
 */
export function deviceConfigSchema(): JsonSchema {
  const entries = Object.entries(LISTS);
  const lists = Object.fromEntries(
    entries.map(([list, [name, , description]]) => [
      list,
      { description, type: 'array', items: { $ref: `#/$defs/${name}` } },
    ]),
  );
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Device configuration of eve-agent run, in the JSON form of EVE’s API',
    type: 'object',
    properties: {
      ...lists,
      config: {
        description: 'The same in the envelope of EVE’s `ConfigResponse`.',
        ...{ type: 'object', properties: lists },
      },
    },
    $defs: Object.fromEntries(entries.map(([, [name, schema]]) => [name, writtenSchema(schema)])),
  };
}
