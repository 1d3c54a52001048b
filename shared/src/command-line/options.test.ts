// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import * as z from 'zod';
import { parseHostLabel } from '../dns-sd/host-name.ts';
import { ConfigurationError } from '../errors.ts';
import {
  addOptions,
  applyConfigurationFile,
  groupOptions,
  type OptionDescription,
  wholeNumber,
} from './options.ts';

const OPTIONS: readonly OptionDescription[] = [
  {
    flags: '--port <number>',
    description: 'the port',
    environment: 'OPTIONS_TEST_PORT',
    schema: wholeNumber(0, 65_535),
    default: 80,
  },
  {
    flags: '--host-name <name>',
    description: 'the name',
    schema: z.string().transform(parseHostLabel),
  },
  {
    flags: '--interface <name>',
    description: 'the interfaces',
    environment: 'OPTIONS_TEST_INTERFACE',
    schema: z.string().min(1),
    isList: true,
  },
  { flags: '--quiet', description: 'says less', schema: z.boolean() },
  { flags: '--split', description: 'in two', environment: 'OPTIONS_TEST_SPLIT', schema: z.boolean() },
  {
    flags: '--no-split',
    description: 'in one',
    environment: 'OPTIONS_TEST_NO_SPLIT',
    schema: z.boolean(),
  },
  { flags: '--config <file>', description: 'the file', schema: z.string() },
];

let folder: string;
let file: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'options-'));
  file = join(folder, 'settings.yaml');
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

function parse(...args: string[]): Command {
  const silent = { writeErr: () => {}, writeOut: () => {} };
  const command = addOptions(new Command('test').exitOverride().configureOutput(silent), OPTIONS);
  return command.parse(args, { from: 'user' });
}

async function parseWithFile(yaml: string, ...args: string[]): Promise<Record<string, unknown>> {
  await writeFile(file, yaml);
  const command = parse(...args);
  applyConfigurationFile(command, OPTIONS, file);
  return command.opts();
}

describe('where a value comes from', () => {
  it('is the default when nothing is given', async () => {
    expect(await parseWithFile('')).toEqual({ port: 80 });
  });

  it('is the file, then the environment, then the flag', async () => {
    expect(await parseWithFile('port: 81')).toEqual({ port: 81 });
    vi.stubEnv('OPTIONS_TEST_PORT', '82');
    expect(await parseWithFile('port: 81')).toEqual({ port: 82 });
    expect(await parseWithFile('port: 81', '--port', '83')).toEqual({ port: 83 });
  });

  it('replaces a list, and does not lengthen it', async () => {
    vi.stubEnv('OPTIONS_TEST_INTERFACE', 'eth0, eth1');
    expect(parse().opts()).toMatchObject({ interface: ['eth0', 'eth1'] });
    expect(parse('--interface', 'a', '--interface', 'b').opts()).toMatchObject({ interface: ['a', 'b'] });
  });

  it('may be one value or a list in the file', async () => {
    expect(await parseWithFile('interface: eth0')).toMatchObject({ interface: ['eth0'] });
    expect(await parseWithFile('interface: [eth0, eth1]\nquiet: true')).toMatchObject({
      interface: ['eth0', 'eth1'],
      quiet: true,
    });
  });

  it('does not let a list swallow what follows', () => {
    const command = addOptions(new Command('test').argument('<file>').exitOverride(), OPTIONS);
    command.parse(['--interface', 'eth0', 'image.raw'], { from: 'user' });
    expect(command.args).toEqual(['image.raw']);
  });
});

describe('a wrong value', () => {
  it.each(['x', '', '-1', '65536', '1.5', '1e3', '0x50', ' '])('is refused as a port: %j', (value) => {
    expect(() => parse('--port', value)).toThrow(
      `option '--port <number>' argument '${value}' is invalid. a whole number from 0 to 65535 expected`,
    );
  });

  it('names the variable it came from', () => {
    vi.stubEnv('OPTIONS_TEST_PORT', 'many');
    expect(() => parse()).toThrow("value 'many' from env 'OPTIONS_TEST_PORT' is invalid");
  });

  it('tells what a parser of ours has against it', () => {
    expect(() => parse('--host-name', 'a.b')).toThrow('host name "a.b" cannot be advertised');
  });

  it.each([
    ['port: many', 'port: "many" is not allowed: a whole number from 0 to 65535 expected'],
    ['port:', 'port: "null" is not allowed'],
    ['port: [1, 2]', 'is not allowed'],
    ['port: { toString: 1 }', 'port: "{ toString: 1 }" is not allowed'],
    ['quiet: maybe', 'quiet: "maybe" is not allowed: true or false expected'],
    ['prot: 80', 'unknown key "prot": did you mean port?'],
    ['colour: red', 'unknown key "colour"; known are port, host-name, interface, quiet'],
    [
      'prot: 80\nquiet: maybe\nport: many',
      ': 3 mistakes:\n' +
        '  unknown key "prot": did you mean port?\n' +
        '  quiet: "maybe" is not allowed: true or false expected.\n' +
        '  port: "many" is not allowed: a whole number from 0 to 65535 expected.',
    ],
    ['config: other.yaml', 'unknown key "config"'],
    ['just text', 'must hold one "key: value" a line'],
    ['port: [', 'cannot be read'],
  ])('in the file is refused, which is named: %s', async (yaml, message) => {
    const parsing = parseWithFile(yaml);
    await expect(parsing).rejects.toThrow(ConfigurationError);
    await expect(parsing).rejects.toThrow(message);
    await expect(parsing).rejects.toThrow(file);
  });

  it('is refused without a word of what the file holds', async () => {
    const failure = await parseWithFile('proxy: "http://u:hunter2@h').catch((error: Error) => error);
    expect(String(failure)).toMatch(/cannot be read: .* at line 1, column \d+$/);
    expect(String(failure)).not.toContain('hunter2');
  });

  it('is a file without an end', () => {
    const apply = () => applyConfigurationFile(parse(), OPTIONS, '/dev/zero');
    expect(apply).toThrow('/dev/zero cannot be read: it has more than 1048576 bytes');
  });

  it('is a file that is not there', () => {
    expect(() => applyConfigurationFile(parse(), OPTIONS, join(folder, 'absent'))).toThrow('ENOENT');
  });
});

describe('an option that is the other side of another one', () => {
  it.each<[string, readonly string[], Record<string, string>, string, boolean | undefined]>([
    ['neither of them', [], {}, '', undefined],
    ['the one', ['--split'], {}, '', true],
    ['the other', ['--no-split'], {}, '', false],
    ['the last of both', ['--split', '--no-split'], {}, '', false],
    ['the one of the environment', [], { OPTIONS_TEST_SPLIT: 'true' }, '', true],
    [
      'the other, where the environment has both',
      [],
      { OPTIONS_TEST_SPLIT: '1', OPTIONS_TEST_NO_SPLIT: '1' },
      '',
      false,
    ],
    ['the flag before the environment', ['--split'], { OPTIONS_TEST_NO_SPLIT: 'true' }, '', true],
    ['the one of a file', [], {}, 'split: true', true],
    ['the one of a file, off', [], {}, 'split: false', false],
    ['the other of a file', [], {}, 'no-split: true', false],
    ['the other of a file, off', [], {}, 'no-split: false', true],
    ['the environment before a file', [], { OPTIONS_TEST_NO_SPLIT: 'true' }, 'split: true', false],
  ])('takes %s', async (_, args, environment, yaml, expected) => {
    for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
    expect((await parseWithFile(yaml, ...args)).split).toBe(expected);
  });
});

it('options of a group stand below its heading in help, whatever else is said of them', () => {
  const [port, ...others] = OPTIONS as [OptionDescription, ...OptionDescription[]];
  const command = addOptions(new Command('test'), [...groupOptions('Server', [port]), ...others]);
  const help = command.helpInformation();
  expect(help).toMatch(/\nServer:\n {2}--port <number> +the port/);
  expect(help).toMatch(/\nOptions:\n {2}--host-name <name> +the name/);
  expect(command.parse(['--port', '81'], { from: 'user' }).opts()).toMatchObject({ port: 81 });
});
