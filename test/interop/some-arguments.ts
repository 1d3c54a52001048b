// SPDX-License-Identifier: Apache-2.0
/** Arguments that nobody thought of: right ones put together anew, and changed in a place. */
import type { Random } from '../random.ts';

/** What means something to one grammar or another. */
const CHARACTERS = [
  ...'aZz09.:,=-/"\'\\ \t\n[]{}%+_*@~#$é',
  '..',
  '--',
  '=',
  ':ro',
  'container:',
  '0x',
  '1e3',
  '::',
];

function changed(random: Random, word: string): string {
  const at = random.integer(0, word.length);
  const [head, tail] = [word.slice(0, at), word.slice(at)];
  switch (random.integer(0, 5)) {
    case 0:
      return head + tail.slice(1);
    case 1:
      return head + random.pick(CHARACTERS) + tail;
    case 2:
      return head + random.pick(CHARACTERS) + tail.slice(1);
    case 3:
      return head + (random.integer(0, 1) === 0 ? tail.toUpperCase() : tail.toLowerCase());
    case 4:
      return head;
    default:
      return word + random.pick(['', ',', ':']) + word;
  }
}

/** In another spelling of the same. */
function respelled(random: Random, words: readonly string[]): string[] {
  const [first = '', second, ...rest] = words;
  if (second === undefined || !first.startsWith('-') || first.includes('=') || random.integer(0, 2) > 0) {
    return [...words];
  }
  return [`${first}${first.startsWith('--') ? '=' : random.pick(['', '='])}${second}`, ...rest];
}

/** @param cases of right arguments */
export function someArguments(random: Random, cases: readonly (readonly string[])[]): string[] {
  const picked = Array.from({ length: random.integer(1, 4) }, () => respelled(random, random.pick(cases)));
  const words = picked
    .sort((left, right) => Number(left.includes('IMAGE')) - Number(right.includes('IMAGE')))
    .flat();
  if (words.length > 0 && random.integer(0, 3) > 0) {
    const at = random.integer(0, words.length - 1);
    words[at] = changed(random, words[at] ?? '');
  }
  if (random.integer(0, 9) === 0) words.splice(random.integer(0, words.length), 1);
  return words.map((word) => word.replaceAll('\0', ''));
}

/** Flags, each with a value that may be of any other. */
export function someFlags(
  random: Random,
  flags: readonly { readonly name: string; readonly short?: string }[],
  cases: readonly (readonly string[])[],
): string[] {
  const one = (): string[] => {
    const { name, short } = random.pick(flags);
    const value = random.pick(random.pick(cases.filter((args) => args.length > 0)));
    const content = random.integer(0, 1) === 0 ? value : value.replace(/^[^=]*=/s, '');
    const flag = short !== undefined && random.integer(0, 1) === 0 ? `-${short}` : `--${name}`;
    return random.pick([[flag, content], [`${flag}=${content}`], [flag], [flag + content]]);
  };
  return Array.from({ length: random.integer(1, 3) }, one).flat();
}
