// SPDX-License-Identifier: Apache-2.0
import type { Command, Option } from 'commander';
import { stringify } from 'yaml';
import { safeJson } from '../text/json-text.ts';
import { terminalText } from '../text/printable-text.ts';
import { isSetting, type OptionDescription } from './options.ts';

/** An option as it holds now, and where its value comes from. */
export interface EffectiveOption {
  /** The long name without dashes, which is also the key in a YAML file. */
  readonly key: string;
  /** Absent: not set, and without a default. */
  readonly value: unknown;
  /** `default`, `environment NAME`, `file NAME`, `flag`, or one of the program's own. */
  readonly source: string;
}

const SECRET = '(secret)';

/** Where the value of an option comes from, as {@link EffectiveOption.source}. */
export function sourceOf(command: Command, option: Option, file: string | undefined): string {
  const source = command.getOptionValueSource(option.attributeName());
  switch (source) {
    case 'cli':
      return 'flag';
    case 'env':
      return `environment ${option.envVar}`;
    case 'config':
      return `file ${file}`;
    default:
      // A program may know more sources.
      return source ?? 'default';
  }
}

/**
 * What a command's settings are in the end; a secret's value is never among it.
 *
 * @param file the configuration file that was applied
 */
export function effectiveOptions(
  command: Command,
  descriptions: readonly OptionDescription[],
  file: string | undefined,
): EffectiveOption[] {
  return descriptions.filter(isSetting).map((description) => {
    const option = command.options.find(({ flags }) => flags === description.flags);
    if (option === undefined) throw new Error(`${description.flags} is no option of ${command.name()}`);
    const value: unknown = command.getOptionValue(option.attributeName());
    return {
      key: (option.long ?? '').slice(2),
      value: description.isSecret === true && value !== undefined ? SECRET : value,
      source: sourceOf(command, option, file),
    };
  });
}

/** The effective options as a YAML file, the source of each as a comment; what is not set, as a comment too. */
export function printEffectiveOptions(options: readonly EffectiveOption[]): string {
  const lines = options.map(({ key, value, source }) => {
    if (value === undefined) return { text: `# ${key}:`, source: 'not set' };
    if (value === SECRET) return { text: `# ${key}: ${SECRET}`, source };
    const written = stringify(value, { collectionStyle: 'flow', lineWidth: 0 }).trim();
    // JSON is YAML, and has a way to write what would act on the terminal.
    const text = terminalText(written) === written ? written : safeJson(JSON.stringify(value));
    return { text: `${key}: ${text}`, source: terminalText(source) };
  });
  const width = Math.max(...lines.map(({ text }) => text.length));
  return lines.map(({ text, source }) => `${text.padEnd(width)}  # ${source}\n`).join('');
}
