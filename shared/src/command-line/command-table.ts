// SPDX-License-Identifier: Apache-2.0
import { type Argument, type Command, Help, type Option } from 'commander';
import { isSwitch, valueChoices } from './options.ts';

/** What completes the value of an option or an argument. */
export type ValueKind =
  | { readonly kind: 'file' | 'folder' | 'any' }
  | { readonly kind: 'choice'; readonly choices: readonly string[] };

export interface DescribedOption {
  /** As it is shown, such as `-b, --bridge <name>`. */
  readonly flags: string;
  /** With dashes; the short one first. */
  readonly names: readonly string[];
  readonly description: string;
  /** With its default and its variable. */
  readonly fullDescription: string;
  /** null: it takes none. */
  readonly value: ValueKind | null;
}

export interface DescribedArgument {
  /** As it is shown, such as `<url>` or `[uuid...]`. */
  readonly term: string;
  readonly description: string;
  readonly value: ValueKind;
}

/** A command as its definition has it: what help, manual page and completion are made from. */
export interface DescribedCommand {
  /** The program's name first. */
  readonly path: readonly string[];
  readonly summary: string;
  readonly description: string;
  readonly arguments: readonly DescribedArgument[];
  readonly options: readonly DescribedOption[];
  readonly commands: readonly DescribedCommand[];
}

/** How commander puts descriptions into words. */
const help = new Help();

/** The names of values say what they are: `<file>`, `<dir>`. */
function kindOf(term: string): ValueKind {
  if (/\b(?:file|path|files)\b/i.test(term)) return { kind: 'file' };
  return { kind: /\b(?:dir|folder)\b/i.test(term) ? 'folder' : 'any' };
}

function describeOption(option: Option): DescribedOption {
  const { flags, short, long, description } = option;
  const choices = valueChoices(option);
  return {
    flags,
    names: [short, long].filter((name) => name !== undefined),
    description,
    fullDescription: help.optionDescription(option),
    value: isSwitch(option) ? null : choices.length > 0 ? { kind: 'choice', choices } : kindOf(flags),
  };
}

function describeArgument(argument: Argument): DescribedArgument {
  const name = `${argument.name()}${argument.variadic ? '...' : ''}`;
  const { argChoices: choices } = argument;
  return {
    term: argument.required ? `<${name}>` : `[${name}]`,
    description: argument.description,
    value: choices === undefined ? kindOf(argument.name()) : { kind: 'choice', choices },
  };
}

/** Describes a command and all below it; `--help` and the command `help`, which all have, are left out. */
export function describeCommand(command: Command, above: readonly string[] = []): DescribedCommand {
  const path = [...above, command.name()];
  return {
    path,
    summary: command.summary() || command.description(),
    description: command.description() || command.summary(),
    arguments: command.registeredArguments.map(describeArgument),
    options: command.options.filter(({ hidden }) => !hidden).map(describeOption),
    commands: command.commands.map((nested) => describeCommand(nested, path)),
  };
}

/** A command and all below it, in the order of their definition. */
export const withCommandsBelow = (command: DescribedCommand): DescribedCommand[] => [
  command,
  ...command.commands.flatMap(withCommandsBelow),
];
