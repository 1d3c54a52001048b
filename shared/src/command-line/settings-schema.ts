// SPDX-License-Identifier: Apache-2.0
import { Option } from 'commander';
import * as z from 'zod';
import { isSetting, isSwitch, type OptionDescription, settingName } from './options.ts';

/** A JSON Schema, draft 2020-12. */
export type JsonSchema = { readonly [keyword: string]: unknown };

function valueSchema({ flags, schema, isList }: OptionDescription): JsonSchema {
  if (isSwitch(new Option(flags))) return { type: 'boolean' };
  // Options are texts; `fileSchema` says what else a file may hold: numbers.
  const { fileSchema } = z
    .object({ fileSchema: z.record(z.string(), z.unknown()).optional() })
    .parse(schema.meta() ?? {});
  const { $schema: _, ...own } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
  const item: JsonSchema = fileSchema ?? own;
  return isList === true ? { anyOf: [item, { type: 'array', items: item }] } : item;
}

/** Whether a default is as a file would have it, not what a text was turned into. */
const isWritten = (value: unknown): boolean =>
  value !== undefined && (typeof value !== 'object' || Array.isArray(value));

/**
 * The JSON Schema (draft 2020-12) of a configuration file, so that editors can complete and check it.
 *
 * @param title what the file is for
 */
export function settingsSchema(title: string, descriptions: readonly OptionDescription[]): JsonSchema {
  const properties = descriptions.filter(isSetting).map((description) => {
    const { flags, description: text, environment } = description;
    return [
      settingName(flags),
      {
        description: environment === undefined ? text : `${text}. Environment: ${environment}`,
        ...(isWritten(description.default) && { default: description.default }),
        ...valueSchema(description),
      },
    ] as const;
  });
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title,
    type: 'object',
    additionalProperties: false,
    properties: Object.fromEntries(properties),
  };
}
