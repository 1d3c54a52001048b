// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { type DescribedCommand, withCommandsBelow } from './command-table.ts';
import type { Failure } from './failure-line.ts';
import type { JsonSchema } from './settings-schema.ts';

/** What a command prints with `--json`. */
export interface Output {
  readonly schema: () => z.ZodType;
  /** One document a line, as long as there are any; else it is one document. */
  readonly isLines?: true;
  /** What it says on stderr meanwhile, one document a line; absent: sentences, or nothing. */
  readonly progress?: () => z.ZodType;
}

/** What all commands of a program print, by their names without that of the program, such as `deploy list`. */
export interface OutputTable {
  /** Counted up when something is taken away or means something else; what is added keeps it. */
  readonly version: number;
  readonly outputs: Readonly<Record<string, Output>>;
}

/** A schema that other programs check by: who knows an older one is not troubled by what was added. */
function openSchema(schema: z.ZodType): JsonSchema {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, {
    unrepresentable: 'any',
    override({ jsonSchema }) {
      if (jsonSchema.additionalProperties === false) delete jsonSchema.additionalProperties;
    },
  });
  return rest;
}

/** The commands of a program that take `--json`, by their names without that of the program. */
export const commandsOfJson = (program: DescribedCommand): ReadonlyMap<string, DescribedCommand> =>
  new Map(
    withCommandsBelow(program)
      .filter(({ options }) => options.some(({ names }) => names.includes('--json')))
      .map((command) => [command.path.slice(1).join(' '), command]),
  );

export const failureSchema: z.ZodType<Failure> = z.object({
  error: z.object({
    code: z.string(),
    message: z.string(),
    retryable: z.boolean().describe('The same call may succeed later without anybody changing anything.'),
    details: z
      .record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null(), z.array(z.string())]))
      .describe('Units stand in the names.'),
  }),
});

const EACH_LINE = ': each line is such a document';

/**
 * The JSON Schema (draft 2020-12) of what the commands of a program print with `--json`: each stands below `$defs` by
 * the name of its command, and what it says meanwhile by that name and `progress`;
 * `failure` is what any of them says on stderr where it fails.
 */
export function outputSchema(program: DescribedCommand, { version, outputs }: OutputTable): JsonSchema {
  const commands = commandsOfJson(program);
  const [name] = program.path;
  const first = new Map<Output['schema'], string>();
  /** Whole where it stands first, and a reference to that from then on. */
  const define = (definition: string, schema: Output['schema'], title: string, description: string) => {
    const same = first.get(schema);
    first.set(schema, same ?? definition);
    const is = same === undefined ? openSchema(schema()) : { $ref: `#/$defs/${encodeURIComponent(same)}` };
    return [definition, { ...is, title, description }] as const;
  };
  const definitions = Object.entries(outputs).flatMap(([command, { schema, isLines, progress }]) => {
    const { summary = '' } = commands.get(command) ?? {};
    const title = `${name} ${command} --json`;
    const document = define(command, schema, title, isLines === true ? `${summary}${EACH_LINE}` : summary);
    if (progress === undefined) return [document];
    const meanwhile = `What it says on stderr meanwhile${EACH_LINE}`;
    return [document, define(`${command} progress`, progress, `${title}, progress`, meanwhile)];
  });
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $id: `urn:local-datastore:${name}:output:${version}`,
    title: `What the commands of ${name} print with --json, version ${version}`,
    $defs: Object.fromEntries([
      ...definitions,
      ['failure', { ...openSchema(failureSchema), description: 'What each says on stderr where it fails.' }],
    ]),
  };
}
