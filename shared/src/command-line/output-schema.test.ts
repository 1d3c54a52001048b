// SPDX-License-Identifier: Apache-2.0
import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { describeCommand } from './command-table.ts';
import { commandsOfJson, type OutputTable, outputSchema } from './output-schema.ts';
import { schemaCommand } from './schema-command.ts';

const thing = () => z.object({ name: z.string().describe('Of it.') });
const program = describeCommand(
  new Command('prog')
    .addCommand(new Command('list').summary('lists').option('--json'))
    .addCommand(
      new Command('thing')
        .addCommand(new Command('show').summary('shows').option('--json'))
        .addCommand(new Command('follow').summary('follows').option('--json')),
    )
    .addCommand(new Command('run')),
);
const TABLE: OutputTable = {
  version: 3,
  outputs: {
    list: { schema: () => z.array(thing()) },
    'thing show': { schema: thing, progress: () => z.object({ bytes: z.number() }) },
    'thing follow': { schema: thing, isLines: true },
  },
};

it('the commands that print JSON are those with the option', () => {
  expect([...commandsOfJson(program).keys()]).toEqual(['list', 'thing show', 'thing follow']);
});

it('what they print is described by command, the same once, and open to what is added', () => {
  const item = {
    type: 'object',
    properties: { name: { type: 'string', description: 'Of it.' } },
    required: ['name'],
  };
  expect(outputSchema(program, TABLE)).toEqual({
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $id: 'urn:local-datastore:prog:output:3',
    title: 'What the commands of prog print with --json, version 3',
    $defs: {
      list: { type: 'array', items: item, title: 'prog list --json', description: 'lists' },
      'thing show': { ...item, title: 'prog thing show --json', description: 'shows' },
      'thing show progress': {
        type: 'object',
        properties: { bytes: { type: 'number' } },
        required: ['bytes'],
        title: 'prog thing show --json, progress',
        description: 'What it says on stderr meanwhile: each line is such a document',
      },
      'thing follow': {
        $ref: '#/$defs/thing%20show',
        title: 'prog thing follow --json',
        description: 'follows: each line is such a document',
      },
      failure: expect.objectContaining({ required: ['error'] }),
    },
  });
});

describe('the command', () => {
  const call = async (...args: string[]) => {
    let text = '';
    const stdout = { write: (piece: string) => (text += piece) };
    const load = async () => ({ settings: () => ({ type: 'object' }), output: () => ({}) });
    await schemaCommand({ stdout, load }).parseAsync(args, { from: 'user' });
    return text;
  };

  it.each([
    ['without a name lists them', [], 'settings\noutput\n'],
    ['prints the one that is named', ['settings'], '{\n  "type": "object"\n}\n'],
  ])('%s', async (_title, args, text) => {
    expect(await call(...args)).toBe(text);
  });

  it.each([
    ['outptu', 'did you mean output?'],
    ['constructor', 'known are settings, output'],
  ])('of %s says what there is', async (name, advice) => {
    await expect(call(name)).rejects.toMatchObject({
      ...{ code: 'CONFIGURATION_INVALID', message: expect.stringContaining(advice) },
    });
  });
});
