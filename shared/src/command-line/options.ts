// SPDX-License-Identifier: Apache-2.0
import { inspect } from 'node:util';
import { type Command, InvalidArgumentError, Option } from 'commander';
import * as z from 'zod';
import { ConfigurationError, errorMessage } from '../errors.ts';
import { readYamlFile } from '../files/yaml-file.ts';
import { unknownKey } from '../text/document-problems.ts';

/**
 * One option, described once. Its value comes, in rising order of strength, from the default, the YAML file,
 * the environment and the flag.
 */
export interface OptionDescription {
  /** As commander writes it, such as `--port <number>` or `--interface <name...>`. */
  readonly flags: string;
  readonly description: string;
  readonly environment?: string;
  /** Checks and converts one value, a text from the command line or the environment. */
  readonly schema: z.ZodType;
  readonly default?: unknown;
  readonly defaultDescription?: string;
  /**
   * A list, one value an occurrence of the flag or separated by commas. Unlike `...` in the flags it does not
   * swallow the arguments that follow.
   */
  readonly isList?: boolean;
  /** Never shown. */
  readonly isSecret?: boolean;
  /** The heading that it stands below in help; absent: the usual one. */
  readonly group?: string;
}

/** Options that stand below a heading of their own in help. */
export const groupOptions = (
  heading: string,
  descriptions: readonly OptionDescription[],
): OptionDescription[] => descriptions.map((each) => ({ ...each, group: `${heading}:` }));

/** Whether an option may stand in a configuration file, which is not told its own name. */
export const isSetting = ({ flags }: OptionDescription) => !flags.startsWith('--config ');

/** On or off; commander counts `--no-x` as something else. */
export const isSwitch = (option: Option): boolean => option.isBoolean() || option.negate;

/** The key of an option in a configuration file: its long name. */
export const settingName = (flags: string): string => new Option(flags).long?.slice(2) ?? '';

const takesList = (option: Option, description: OptionDescription) =>
  option.variadic || description.isList === true;

function whyInvalid(error: z.ZodError): string {
  return error.issues.map((issue) => issue.message).join('; ');
}

function convert(schema: z.ZodType, value: unknown): unknown {
  try {
    const result = schema.safeParse(value);
    if (result.success) return result.data;
    throw new InvalidArgumentError(`${whyInvalid(result.error)}.`);
  } catch (error) {
    if (error instanceof ConfigurationError) throw new InvalidArgumentError(`${error.message}.`);
    throw error;
  }
}

/** commander's own message would quote the value. */
function convertSecret(option: Option, description: OptionDescription, text: string): unknown {
  try {
    return convert(description.schema, text);
  } catch (error) {
    throw new ConfigurationError(`option ${option.long} (${option.envVar}): ${errorMessage(error)}`);
  }
}

const DESCRIPTIONS = new WeakMap<Option, OptionDescription>();

/** The values that an option takes, where these are few and known. */
export function valueChoices(option: Option): readonly string[] {
  const description = DESCRIPTIONS.get(option);
  if (description === undefined || isSwitch(option)) return option.argChoices ?? [];
  const { enum: choices } = z.toJSONSchema(description.schema, { io: 'input', unrepresentable: 'any' });
  return (choices ?? []).map(String);
}

/**
 * Adds the described options to a command. An option with `...` or `isList` takes a list; its variable, commas.
 */
export function addOptions(command: Command, descriptions: readonly OptionDescription[]): Command {
  for (const description of descriptions) {
    const option = new Option(description.flags, description.description);
    DESCRIPTIONS.set(option, description);
    if (description.group !== undefined) option.helpGroup(description.group);
    if (description.environment !== undefined) option.env(description.environment);
    if (description.default !== undefined)
      option.default(description.default, description.defaultDescription);
    if (isSwitch(option)) {
      command.addOption(option);
      continue;
    }
    option.argParser((text: string, previous: unknown) => {
      if (description.isSecret === true) return convertSecret(option, description, text);
      if (!takesList(option, description)) return convert(description.schema, text);
      const before = Array.isArray(previous) && previous !== option.defaultValue ? previous : [];
      return [...before, ...text.split(',').map((item) => convert(description.schema, item.trim()))];
    });
    command.addOption(option);
  }
  return command;
}

/**
 * Lays the values of a YAML file below what environment and flags gave. Keys are the options' long names
 * (`host-name: ds`). One file serves all commands of a program: what a command does not take is left alone.
 *
 * @param descriptions all settings that a file may hold
 * @throws ConfigurationError naming the file, and for every mistake the key, the value and what is allowed
 */
export function applyConfigurationFile(
  command: Command,
  descriptions: readonly OptionDescription[],
  file: string,
): void {
  let document: unknown;
  try {
    document = readYamlFile(file);
  } catch (error) {
    throw new ConfigurationError(`configuration file ${file} cannot be read: ${errorMessage(error)}`, {
      cause: error,
    });
  }
  const settings = z.record(z.string(), z.unknown()).safeParse(document ?? {});
  if (!settings.success) {
    throw new ConfigurationError(`configuration file ${file} must hold one "key: value" a line`);
  }
  const known = descriptions.filter(isSetting).map(({ flags }) => settingName(flags));
  const mistakes = Object.entries(settings.data).flatMap(([key, value]) => {
    const description = descriptions.find((each) => isSetting(each) && settingName(each.flags) === key);
    return description === undefined
      ? [unknownKey(key, known)]
      : (applySetting(command, description, key, value) ?? []);
  });
  if (mistakes.length === 0) return;
  const [only] = mistakes;
  throw new ConfigurationError(
    mistakes.length === 1
      ? `${file}: ${only}`
      : `${file}: ${mistakes.length} mistakes:\n${mistakes.map((each) => `  ${each}`).join('\n')}`,
  );
}

/** @returns what is wrong with the value */
function applySetting(
  command: Command,
  description: OptionDescription,
  key: string,
  value: unknown,
): string | undefined {
  const option = command.options.find(({ flags }) => flags === description.flags);
  if (option === undefined) return undefined;
  const attribute = option.attributeName();
  const source = command.getOptionValueSource(attribute);
  if (source === 'env' || source === 'cli') return undefined;
  try {
    command.setOptionValueWithSource(attribute, convertSetting(option, description, value), 'config');
    return undefined;
  } catch (error) {
    return description.isSecret === true
      ? `${key}: ${errorMessage(error)}`
      : `${key}: "${shown(value)}" is not allowed: ${errorMessage(error)}`;
  }
}

/** A value of a file as text. What stands in braces may have a `toString` of its own. */
const shown = (value: unknown) => (typeof value === 'object' ? inspect(value) : String(value));

function convertSetting(option: Option, description: OptionDescription, value: unknown): unknown {
  if (isSwitch(option)) {
    const isOn = convert(z.boolean({ error: 'true or false expected' }), value);
    // `--no-x` is the other side of `--x`, with which it shares its value.
    return option.negate ? !isOn : isOn;
  }
  const asText = (item: unknown) => (typeof item === 'object' ? item : String(item));
  if (!takesList(option, description)) return convert(description.schema, asText(value));
  return (Array.isArray(value) ? value : [value]).map((item) => convert(description.schema, asText(item)));
}

/** A whole number within bounds, from decimal digits and nothing else: not `1e3`, `0x50` or an empty text. */
export function wholeNumber(minimum: number, maximum: number) {
  const error = `a whole number from ${minimum} to ${maximum} expected`;
  return z
    .string({ error })
    .regex(/^-?\d{1,16}$/, { error })
    .transform(Number)
    .refine((value) => value >= minimum && value <= maximum, { error })
    .meta({ fileSchema: { type: 'integer', minimum, maximum } });
}
