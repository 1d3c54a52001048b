// SPDX-License-Identifier: Apache-2.0
/** The JSON Schemas that both programs publish: of settings, of a device's configuration, and of what commands print. */
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { commandsOfJson } from '@local-datastore/shared/command-line/output-schema';
import type { PublishedSchemas } from '@local-datastore/shared/command-line/schema-command';
import { describe, expect, it } from 'vitest';
import { describeCommands } from '../compose/packaging/described-commands.ts';
import { OUTPUTS as DATASTORE_OUTPUTS } from '../datastore-app/src/cli/output-schemas.ts';
import { publishedSchemas as datastoreSchemas } from '../datastore-app/src/cli/published-schemas.ts';
import { OUTPUTS as AGENT_OUTPUTS } from '../eve-agent/src/cli/output-schemas.ts';
import { publishedSchemas as agentSchemas } from '../eve-agent/src/cli/published-schemas.ts';

const TOP = resolve(import.meta.dirname, '..');

describe.each([
  ['datastore-app', datastoreSchemas, DATASTORE_OUTPUTS],
  ['eve-agent', agentSchemas, AGENT_OUTPUTS],
] as const)('%s', async (name, schemasOf, { outputs }) => {
  const { program } = await describeCommands(name);
  const schemas: PublishedSchemas = schemasOf(async () => program);

  it('says of every command with --json what it prints, and of no other', () => {
    expect(Object.keys(outputs)).toEqual([...commandsOfJson(program).keys()]);
  });

  it.each(Object.keys(schemas))('publishes the schema "%s" as it is', async (schema) => {
    const published = await readFile(join(TOP, name, `${schema}.schema.json`), 'utf8');
    // Else: PROGRAM schema NAME > PROGRAM/NAME.schema.json
    expect(JSON.parse(published)).toEqual(await schemas[schema]?.());
  });
});
