// SPDX-License-Identifier: Apache-2.0
import { Command } from 'commander';
import { expect, it } from 'vitest';
import * as z from 'zod';
import { describeCommand } from './command-table.ts';
import { addOptions } from './options.ts';

const schema = z.string();
const COMMAND = addOptions(new Command('test'), [
  { flags: '--split', description: 'in two', schema: z.boolean() },
  { flags: '--no-split', description: 'in one', schema: z.boolean() },
  { flags: '--level <level>', description: 'how much', schema: z.enum(['much', 'little']) },
  { flags: '--from <file>', description: 'read it', schema },
  { flags: '--to <dir>', description: 'put it there', schema },
  { flags: '--name <text>', description: 'call it so', schema },
]);

it.each([
  ['--split', null],
  ['--no-split', null],
  ['--level', { kind: 'choice', choices: ['much', 'little'] }],
  ['--from', { kind: 'file' }],
  ['--to', { kind: 'folder' }],
  ['--name', { kind: 'any' }],
])('the value of %s is known to what completes it', (name, value) => {
  const { options } = describeCommand(COMMAND);
  expect(options.find(({ names }) => names.includes(name))?.value).toEqual(value);
});
