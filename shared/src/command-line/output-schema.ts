import * as z from 'zod';
import { type DescribedCommand, withCommandsBelow } from './command-table.ts';
import type { JsonSchema } from './settings-schema.ts';

/** What a command prints with `--json`. */
export interface Output {
  readonly schema: () => z.ZodType;
  /** One document a line, as long as there are any; else it is one document. */
  readonly isLines?: true;
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

/**
 * The JSON Schema (draft 2020-12) of what the commands of a program print with `--json`: each stands below `$defs` by
 * the name of its command.
 */
export function outputSchema(program: DescribedCommand, { version, outputs }: OutputTable): JsonSchema {
  const commands = commandsOfJson(program);
  const [name] = program.path;
  const first = new Map<Output['schema'], string>();
  const definitions = Object.entries(outputs).map(([command, { schema, isLines }]) => {
    const { summary = '' } = commands.get(command) ?? {};
    const same = first.get(schema);
    first.set(schema, same ?? command);
    return [
      command,
      {
        ...(same === undefined ? openSchema(schema()) : { $ref: `#/$defs/${encodeURIComponent(same)}` }),
        title: `${name} ${command} --json`,
        description: isLines === true ? `${summary}: each line is such a document` : summary,
      },
    ] as const;
  });
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $id: `urn:local-datastore:${name}:output:${version}`,
    title: `What the commands of ${name} print with --json, version ${version}`,
    $defs: Object.fromEntries(definitions),
  };
}
