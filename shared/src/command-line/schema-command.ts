// SPDX-License-Identifier: Apache-2.0
import { Command } from 'commander';
import { ConfigurationError } from '../errors.ts';
import { closestTo } from '../text/edit-distance.ts';
import { jsonText } from '../text/json-text.ts';
import type { JsonSchema } from './settings-schema.ts';

/** The schemas of a program, by the names that a person says; each is made when it is asked for. */
export type PublishedSchemas = Readonly<Record<string, () => JsonSchema | Promise<JsonSchema>>>;

/** What the command has of its program. */
export interface SchemaCommandDeps {
  readonly stdout: { write(text: string): unknown };
  /** Loaded for who asks. */
  load(): Promise<PublishedSchemas>;
}

/** The command `schema`. */
export function schemaCommand({ stdout, load }: SchemaCommandDeps): Command {
  return new Command('schema')
    .summary('print a JSON Schema: of settings, or of what commands print with --json')
    .description('Prints a JSON Schema (draft 2020-12); without a name, the names that there are.')
    .argument('[name]', 'such as settings or output')
    .action(async (name?: string) => {
      const schemas = await load();
      const names = Object.keys(schemas);
      if (name === undefined) {
        stdout.write(names.map((each) => `${each}\n`).join(''));
        return;
      }
      const make = Object.hasOwn(schemas, name) ? schemas[name] : undefined;
      if (make === undefined) {
        const meant = closestTo(name, names);
        const advice = meant === undefined ? `known are ${names.join(', ')}` : `did you mean ${meant}?`;
        throw new ConfigurationError(`there is no schema "${name}": ${advice}`);
      }
      stdout.write(jsonText(await make()));
    });
}
