// SPDX-License-Identifier: Apache-2.0
/** What both programs say of themselves by `--help`, and whether a command line agrees with it. */
import { spawn } from 'node:child_process';
import { runProgram } from '../../eve-agent/src/cli/program.ts';
import { silentLog } from '../../shared/src/log.ts';
import { finish } from '../lab/namespace.ts';
import { datastoreApp } from '../lab/programs.ts';

/** What a program prints when it is run with arguments that ask for help. */
const PRINT_HELP = {
  async 'datastore-app'(args: readonly string[]): Promise<string> {
    const [command = '', ...rest] = datastoreApp(...args);
    return (await finish(spawn(command, rest, { stdio: ['ignore', 'pipe', 'pipe'] }))).stdout;
  },
  /** In this process: a start for each of its commands would cost seconds. */
  async 'eve-agent'(args: readonly string[]): Promise<string> {
    let text = '';
    await runProgram(args, '0', {
      stdout: { write: (part) => (text += part) },
      stderr: process.stderr,
      terminal: { input: process.stdin, output: process.stdout },
      signal: new AbortController().signal,
      createLog: () => silentLog,
    });
    return text;
  },
};

export type Program = keyof typeof PRINT_HELP;

/** The help of a program, or of a command of it. */
export interface Help {
  readonly text: string;
  /** Every spelling of every option, and whether it takes a value. */
  readonly options: ReadonlyMap<string, boolean>;
  readonly commands: ReadonlyMap<string, Help>;
}

/** The help of a program and of all its commands. @param path the command, such as `['images', 'list']` */
export async function readHelp(program: Program, path: readonly string[] = []): Promise<Help> {
  const text = await PRINT_HELP[program]([...path, '--help']);
  const options = new Map<string, boolean>();
  for (const [, short, long = '', value] of text.matchAll(/^ {2}(?:(-\w), )?(--[\w-]+)( [<[])?/gm)) {
    for (const name of [short, long]) if (name !== undefined) options.set(name, value !== undefined);
  }
  const names = [...text.matchAll(/^Commands.*:\n((?: .*\n?)*)/gm)].flatMap(([, listed = '']) =>
    [...listed.matchAll(/^ {2}([a-z]\S*)/gm)].map(([, name = '']) => name),
  );
  const commands = names
    .filter((name) => name !== 'help')
    .map(async (name) => [name, await readHelp(program, [...path, name])] as const);
  return { text, options, commands: new Map(await Promise.all(commands)) };
}

/** A help and those of all commands below it. */
export const withAllBelow = (help: Help): Help[] => [
  help,
  ...[...help.commands.values()].flatMap(withAllBelow),
];

/** The commands that do something themselves, such as `run` and `images list`. */
export const namesOf = ({ commands }: Help): string[] =>
  [...commands].flatMap(([name, help]) =>
    help.commands.size === 0 ? [name] : namesOf(help).map((below) => `${name} ${below}`),
  );

/** A program and the arguments that it is called with. */
export interface Call {
  readonly program: Program;
  readonly args: readonly string[];
}

const IN_FRONT = /^(?:sudo|npx|[A-Z_]+=.*)$/;

/** The call of a program that a command is, by its name or by its bundle in an image; undefined: of neither. */
export function callOf(words: readonly string[]): Call | undefined {
  const bundle = words.findIndex((word) => /\/opt\/[\w-]+\/main\.js$/.test(word));
  const at = bundle === -1 ? words.findIndex((word) => !IN_FRONT.test(word)) : bundle;
  const name = bundle === -1 ? words[at] : words[at]?.split('/').at(-2);
  if (name !== 'datastore-app' && name !== 'eve-agent') return undefined;
  return { program: name, args: words.slice(at + 1) };
}

export interface Judgement {
  /** The command that is called, such as `images list`. */
  readonly command: string;
  /** What the program would refuse; undefined: nothing. */
  readonly problem?: string;
}

/**
 * Whether a program knows the command of a call and each of its options, with a value where one is needed.
 *
 * @param args may be a synopsis: brackets and dots around its parts are passed over
 */
export function judgeCall(help: Help, args: readonly string[]): Judgement {
  const words = args.map((word) => word.replace(/^\[|\](?:\.\.\.)?$/g, ''));
  const path: string[] = [];
  let called = help;
  for (const word of words) {
    if (called.commands.size === 0 || word.startsWith('-')) break;
    path.push(word);
    const next = called.commands.get(word);
    if (next === undefined) return { command: path.join(' '), problem: `no command "${path.join(' ')}"` };
    called = next;
  }
  const command = path.join(' ');
  let isValue = false;
  for (const [index, word] of words.entries()) {
    const [name = '', ...value] = word.split('=');
    if (isValue || !/^--?[a-z]/.test(word)) {
      isValue = false;
      continue;
    }
    const takesValue = called.options.get(name);
    if (takesValue === undefined) return { command, problem: `"${command}" has no option "${name}"` };
    isValue = takesValue && value.length === 0;
    if (isValue && index === words.length - 1) {
      return { command, problem: `"${command}": "${name}" lacks its value` };
    }
  }
  return { command };
}
