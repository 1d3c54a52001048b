// SPDX-License-Identifier: Apache-2.0
import { Command } from 'commander';
import { afterEach, expect, it, vi } from 'vitest';
import { parse } from 'yaml';
import * as z from 'zod';
import { byteSize } from './byte-size.ts';
import { effectiveOptions, printEffectiveOptions } from './effective-options.ts';
import { addOptions, type OptionDescription, wholeNumber } from './options.ts';
import { settingsSchema } from './settings-schema.ts';

const OPTIONS: readonly OptionDescription[] = [
  {
    flags: '--port <number>',
    description: 'the port',
    environment: 'EFFECTIVE_TEST_PORT',
    schema: wholeNumber(0, 65_535),
    default: 80,
  },
  { flags: '--name <name>', description: 'the name', schema: z.string().min(1) },
  { flags: '--interface <name>', description: 'the interfaces', schema: z.string().min(1), isList: true },
  { flags: '--quota <size>', description: 'the quota', schema: byteSize() },
  { flags: '--quiet', description: 'says less', schema: z.boolean() },
  { flags: '--token <token>', description: 'the token', schema: z.string().min(8), isSecret: true },
  { flags: '--config <file>', description: 'the file', schema: z.string() },
];

afterEach(() => vi.unstubAllEnvs());

function parseCommand(...args: string[]): Command {
  const command = addOptions(new Command('test'), OPTIONS).exitOverride();
  return command.parse(args, { from: 'user' });
}

it('prints values as YAML that says where they come from, and no secret', () => {
  vi.stubEnv('EFFECTIVE_TEST_PORT', '8080');
  const command = parseCommand('--interface', 'a,b', '--token', 'sesame-open', '--name', 'a: b #c');
  command.setOptionValueWithSource('quota', 1024, 'config');
  const text = printEffectiveOptions(effectiveOptions(command, OPTIONS, 'ds.yaml'));
  expect(text.split('\n').map((line) => line.replace(/ +# /, ' # '))).toEqual([
    'port: 8080 # environment EFFECTIVE_TEST_PORT',
    'name: "a: b #c" # flag',
    'interface: [ a, b ] # flag',
    'quota: 1024 # file ds.yaml',
    '# quiet: # not set',
    '# token: (secret) # flag',
    '',
  ]);
  expect(parse(text)).toEqual({ port: 8080, name: 'a: b #c', interface: ['a', 'b'], quota: 1024 });
});

it('never quotes a secret that is refused', () => {
  expect(() => parseCommand('--token', 'sesame')).toThrow(/^option --token/);
  expect(() => parseCommand('--token', 'sesame')).not.toThrow(/sesame/);
});

it('describes a configuration file', () => {
  expect(settingsSchema('Test', OPTIONS)).toEqual({
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Test',
    type: 'object',
    additionalProperties: false,
    properties: {
      port: {
        description: 'the port. Environment: EFFECTIVE_TEST_PORT',
        default: 80,
        type: 'integer',
        minimum: 0,
        maximum: 65_535,
      },
      name: { description: 'the name', type: 'string', minLength: 1 },
      interface: {
        description: 'the interfaces',
        anyOf: [
          { type: 'string', minLength: 1 },
          { type: 'array', items: { type: 'string', minLength: 1 } },
        ],
      },
      quota: expect.objectContaining({ type: ['string', 'integer'] }),
      quiet: { description: 'says less', type: 'boolean' },
      token: { description: 'the token', type: 'string', minLength: 8 },
    },
  });
});

it.each<[unknown]>([['a\u202eb'], ['\u009b31m'], [['x', 'y\u2066']], ['plain: #']])(
  '%j is shown without acting, and read back',
  (value) => {
    const printed = printEffectiveOptions([{ key: 'root', value, source: 'flag' }]);
    expect(printed).toMatch(/^[\x20-\x7e\n]*$/);
    expect(parse(printed)).toEqual({ root: value });
  },
);
