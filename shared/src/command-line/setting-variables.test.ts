// SPDX-License-Identifier: Apache-2.0
import { Command } from 'commander';
import { afterEach, describe, expect, it, vi } from 'vitest';
import * as z from 'zod';
import { addOptions } from './options.ts';
import { dropEmptyVariables, readSwitchVariables } from './setting-variables.ts';

afterEach(() => void vi.unstubAllEnvs());

/** What a command below the program gets for `--split` and `--no-split`. */
async function parse(args: readonly string[], environment: Readonly<Record<string, string>>) {
  for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
  let split: unknown;
  const command = new Command('cut').exitOverride().action((options) => {
    split = options.split;
  });
  addOptions(command, [
    { flags: '--split', description: 'in two', environment: 'SWITCH_TEST_SPLIT', schema: z.boolean() },
    { flags: '--no-split', description: 'whole', environment: 'SWITCH_TEST_NO_SPLIT', schema: z.boolean() },
    { flags: '--into <name>', description: 'what', environment: 'SWITCH_TEST_INTO', schema: z.string() },
  ]);
  const program = new Command().exitOverride().addCommand(command);
  readSwitchVariables(program, environment);
  await program.parseAsync(['cut', ...args], { from: 'user' });
  return split;
}

describe('a switch', () => {
  it.each([
    ...['1', 'yes', 'y', 'true', 'TRUE', 't', 'on', ' true '].map((text) => [text, true] as const),
    ...['0', 'no', 'n', 'false', 'False', 'f', 'off'].map((text) => [text, false] as const),
  ])('whose variable holds "%s" is %s', async (text, isOn) => {
    expect(await parse([], { SWITCH_TEST_SPLIT: text })).toBe(isOn);
    expect(await parse([], { SWITCH_TEST_NO_SPLIT: text, SWITCH_TEST_SPLIT: 'yes' })).toBe(!isOn);
  });

  it.each(['', ' ', 'maybe', '2', 'truefalse', 'on off'])(
    'whose variable holds "%s" is a mistake',
    async (text) => {
      await expect(parse([], { SWITCH_TEST_SPLIT: text })).rejects.toThrow(
        `the variable SWITCH_TEST_SPLIT holds "${text}": true or false expected`,
      );
    },
  );

  it('is what a flag says, whatever its variable holds', async () => {
    expect(await parse(['--split'], { SWITCH_TEST_SPLIT: 'false' })).toBe(true);
    expect(await parse(['--no-split'], { SWITCH_TEST_SPLIT: 'maybe' })).toBe(false);
  });

  it('is undefined where neither says anything, also beside variables of others', async () => {
    expect(await parse([], { SWITCH_TEST_INTO: 'false' })).toBeUndefined();
  });
});

it('a variable without a value is none, among ours', () => {
  const environment = { SWITCH_TEST_A: '', SWITCH_TEST_B: '0', SWITCH_TEST_C: ' ', OTHER: '' };
  dropEmptyVariables(environment, 'SWITCH_TEST_');
  expect(environment).toEqual({ SWITCH_TEST_B: '0', SWITCH_TEST_C: ' ', OTHER: '' });
});
