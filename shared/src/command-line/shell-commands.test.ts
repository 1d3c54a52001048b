// SPDX-License-Identifier: Apache-2.0
import { execFileSync, spawnSync } from 'node:child_process';
import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { describeCommand } from './command-table.ts';
import { manualPage } from './manual-page.ts';
import { addOptions } from './options.ts';
import { completionCommand, completionFor, SHELLS } from './shell-commands.ts';

const OPTIONS = [
  { flags: '-s, --service <name>', description: "it's [what]: to list", schema: z.enum(['http', 'https']) },
  { flags: '--state <dir>', description: 'the folder', schema: z.string(), environment: 'A_STATE' },
  { flags: '--json', description: 'one document', schema: z.boolean() },
];
const program = new Command('a-program').description('Does what is asked.');
program.addCommand(addOptions(new Command('browse').summary('list'), OPTIONS));
program.addCommand(
  new Command('deploy')
    .description("'quoted' and \\ and .dotted ’ text")
    .addCommand(addOptions(new Command('load').description('.load').argument('<file>'), OPTIONS))
    .addCommand(new Command('logs').argument('<name>', 'of it')),
);
program.addCommand(
  completionCommand({ stdout: { write: () => {} }, describe: () => Promise.reject(new Error('not run')) }),
);
const described = describeCommand(program);

const isThere = (shell: string) => spawnSync(shell, ['--version']).error === undefined;

describe('bash completes', () => {
  /** What bash itself offers for the last of some words, as it splits a line. */
  const complete = (...words: string[]) =>
    execFileSync(
      'bash',
      [
        '-c',
        `${completionFor('bash', described)}
compopt() { :; } # There is no prompt here whose options it could set.
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _a_program; printf '%s\\n' "\${COMPREPLY[@]}"`,
        ...['bash', 'a-program', ...words],
      ],
      { encoding: 'utf8', cwd: import.meta.dirname },
    )
      .trim()
      .split('\n');

  it.each<[string[], string[]]>([
    [[''], ['browse', 'deploy', 'completion', 'help']],
    [['de'], ['deploy']],
    [
      ['deploy', 'l'],
      ['load', 'logs'],
    ],
    [
      ['browse', '--s'],
      ['--service', '--state'],
    ],
    [
      ['browse', '-'],
      ['-s', '--service', '--state', '--json', '--help'],
    ],
    [
      ['browse', '--service', ''],
      ['http', 'https'],
    ],
    [['browse', '-s', 'https'], ['https']],
    [
      ['browse', '--service', '='],
      ['http', 'https'],
    ],
    [['browse', '--service', '=', 'https'], ['https']],
    [['browse', '--state', 'deploy', '--j'], ['--json']],
    [
      ['deploy', 'load', 'shell-commands.'],
      ['shell-commands.ts', 'shell-commands.test.ts'],
    ],
    [['deploy', 'logs', ''], ['']],
    [
      ['completion', ''],
      ['bash', 'zsh', 'fish'],
    ],
    [['$(exit 9)', '`exit 9`', 'd'], ['deploy']],
  ])('%j', (words, offered) => {
    expect(complete(...words).sort()).toEqual([...offered].sort());
  });
});

it.each(SHELLS.filter((shell) => isThere(shell)))('%s understands its script', (shell) => {
  const { status, stderr } = spawnSync(shell, ['-n'], {
    input: completionFor(shell, described),
    encoding: 'utf8',
  });
  expect([status, stderr]).toEqual([0, '']);
});

describe('the manual page', () => {
  const page = manualPage(described, {
    examples: { browse: [{ line: "a-program browse 'x'", does: 'list ’them’' }] },
    sources: 'From somewhere.',
    sections: [{ heading: 'OWN "FILES"', paragraphs: ['.one', 'two'], terms: [['/a-b', "'quoted'"]] }],
  });

  it('tells of every command, option, argument and variable', () => {
    for (const text of [
      ...[
        '.SS "a\\-program browse [options]"',
        '.SS "a\\-program deploy load [options] <file>"',
        '.B "<name>"',
      ],
      ...[
        '.B "\\-s, \\-\\-service <name>"',
        'the folder (env: A_STATE)',
        '.B "a\\-program browse \'x\'"',
        '128 + its',
      ],
    ])
      expect(page).toContain(text);
  });

  it('takes no text for a request, and is ASCII', () => {
    expect(page).toContain('\\&.load');
    expect(page).toContain("\\&'quoted'");
    expect(page).toContain('list \\[u2019]them\\[u2019]:');
    expect(page).toMatch(/^[\x20-\x7e\n]+$/);
  });

  it.runIf(isThere('groff'))('is understood by groff without a warning', () => {
    const { status, stderr } = spawnSync('groff', ['-man', '-ww', '-z', '-Tascii'], {
      input: page,
      encoding: 'utf8',
    });
    expect([status, stderr]).toEqual([0, '']);
  });
});
