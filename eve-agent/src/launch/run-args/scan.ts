// SPDX-License-Identifier: Apache-2.0
import { editDistance } from '@local-datastore/shared/text/edit-distance';
import { RunArgumentsError } from './errors.ts';
import type { RunFlag } from './flags/flag.ts';
import { FLAGS_BY_LETTER, FLAGS_BY_NAME } from './table.ts';

/** One flag with its value, in the order in which they stand. */
export interface ScannedFlag {
  readonly flag: RunFlag;
  readonly value: string;
}

export interface ScannedArguments {
  readonly flags: readonly ScannedFlag[];
  /** What stands from the first word on that is no flag: the image and its command. */
  readonly words: readonly string[];
}

const FARTHEST_LIKENESS = 2;
/** Of an unknown flag, for a message. */
const MAX_SHOWN = 64;

function unknownFlag(name: string): RunArgumentsError {
  const shown = name.length > MAX_SHOWN ? `${name.slice(0, MAX_SHOWN)}…` : name;
  const [nearest] =
    name.length > MAX_SHOWN
      ? []
      : [...FLAGS_BY_NAME.keys()]
          .map((known) => ({ known, distance: editDistance(name, known) }))
          .filter(({ distance }) => distance <= FARTHEST_LIKENESS && distance < name.length)
          .sort((left, right) => left.distance - right.distance);
  const hint = nearest === undefined ? '' : `; did you mean --${nearest.known}?`;
  return new RunArgumentsError('ARGUMENT_UNKNOWN', `--${shown}`, `docker run has no flag --${shown}${hint}`);
}

const missingValue = (flag: RunFlag) =>
  new RunArgumentsError('ARGUMENT_INVALID', `--${flag.name}`, `--${flag.name} needs a value: ${flag.form}`);

/**
 * Parts arguments as `docker` does, by the rules of its library pflag: `--flag value`, `--flag=value`, `-f value`,
 * `-fvalue`, `-f=value`, switches in one word (`-it`), `--switch=false`; flags end at the first word that is none, and
 * at `--`.
 *
 * @throws RunArgumentsError for a flag that is unknown or has no value
 */
export function scanArguments(args: readonly string[]): ScannedArguments {
  const flags: ScannedFlag[] = [];
  let at = 0;
  const next = (flag: RunFlag): string => {
    const value = args[at];
    if (value === undefined) throw missingValue(flag);
    at += 1;
    return value;
  };
  while (at < args.length) {
    const word = args[at] ?? '';
    if (word.length < 2 || !word.startsWith('-')) break;
    at += 1;
    if (word === '--') break;
    if (word.startsWith('--')) flags.push(readLong(word.slice(2), next));
    else flags.push(...readLetters(word.slice(1), next));
  }
  return { flags, words: args.slice(at) };
}

/** @param text behind the dashes */
function readLong(text: string, next: (flag: RunFlag) => string): ScannedFlag {
  const end = text.indexOf('=');
  const name = end === -1 ? text : text.slice(0, end);
  const flag = FLAGS_BY_NAME.get(name);
  if (flag === undefined) throw unknownFlag(name);
  if (end !== -1) return { flag, value: text.slice(end + 1) };
  return { flag, value: flag.isSwitch ? 'true' : next(flag) };
}

/** @param text letters behind one dash, the last of which may have its value behind it */
function readLetters(text: string, next: (flag: RunFlag) => string): ScannedFlag[] {
  const scanned: ScannedFlag[] = [];
  for (let at = 0; at < text.length; at += 1) {
    const flag = FLAGS_BY_LETTER.get(text.charAt(at));
    if (flag === undefined) {
      const letter = String.fromCodePoint(text.codePointAt(at) ?? 0);
      throw new RunArgumentsError(
        'ARGUMENT_UNKNOWN',
        `-${letter}`,
        `docker run has no flag -${letter}${at === 0 && text.length > 1 ? lettersHint(text) : ''}`,
      );
    }
    const rest = text.slice(at + 1);
    // A lone `=` is the value, not its sign: so pflag reads it.
    if (rest.length > 1 && rest.startsWith('=')) {
      scanned.push({ flag, value: rest.slice(1) });
      return scanned;
    }
    if (!flag.isSwitch) {
      scanned.push({ flag, value: rest === '' ? next(flag) : rest });
      return scanned;
    }
    scanned.push({ flag, value: 'true' });
  }
  return scanned;
}

/** A long flag with one dash too few. */
function lettersHint(text: string): string {
  const name = text.replace(/=.*/s, '');
  return FLAGS_BY_NAME.has(name) ? `; did you mean --${name}?` : '';
}
