// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { withCommandsBelow } from '@local-datastore/shared/command-line/command-table';
import { failureSchema } from '@local-datastore/shared/command-line/output-schema';
import { silentLog } from '@local-datastore/shared/log';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { diagnosisSchema } from '../doctor/report.ts';
import type { CommandContext } from './command-context.ts';
import { StoppedBySignal } from './exit-code.ts';
import { MANUAL_TEXTS } from './manual-texts.ts';
import { describeProgram, runProgram } from './program.ts';

/** A context of commands, and what they write. */
function createContext(signal = new AbortController().signal) {
  const written = { stdout: '', stderr: '' };
  const streamTo = (key: keyof typeof written) => ({
    write: (text: string) => {
      written[key] += text;
      return true;
    },
  });
  const context: CommandContext = {
    stdout: streamTo('stdout'),
    stderr: streamTo('stderr') as NodeJS.WriteStream,
    terminal: { input: Readable.from([]), output: new PassThrough() },
    signal,
    createLog: () => silentLog,
  };
  return { context, written };
}

/** Runs a command line that needs no network. */
async function run(
  args: readonly string[],
  signal?: AbortSignal,
  environment: Readonly<Record<string, string>> = {},
) {
  const { context, written } = createContext(signal);
  return { exitCode: await runProgram(args, '1.2.3', context, environment), ...written };
}

test('prints its version', async () => {
  expect(await run(['--version'])).toEqual({ exitCode: 0, stdout: '1.2.3\n', stderr: '' });
});

describe('help', () => {
  test('lists every command and the exit codes', async () => {
    const { exitCode, stdout, stderr } = await run(['--help']);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    for (const word of ['browse', 'resolve', 'download', 'Exit codes']) expect(stdout).toContain(word);
    // Each command stands in a group.
    expect(stdout).not.toContain('\nCommands:\n');
  });
  test.each([
    ['browse', ['--service', '--bridge', '--timeout', '--json', '--config', 'EVE_AGENT_SERVICE']],
    [
      'resolve',
      ['<url>', '--bridge', '--timeout', '--json', '--config', 'EVE_AGENT_BRIDGE', 'EVE_AGENT_TIMEOUT'],
    ],
  ])('of %s names all its options', async (command, words) => {
    const { exitCode, stdout } = await run([command, '--help']);
    expect(exitCode).toBe(0);
    for (const word of words) expect(stdout).toContain(word);
  });
  test('is shown, as an error, when no command is given', async () => {
    const { exitCode, stdout, stderr } = await run([]);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toContain('Usage: eve-agent');
  });
});

test('examples are of commands and options that there are', async () => {
  const commands = withCommandsBelow(await describeProgram(createContext().context));
  const wrong = Object.entries(MANUAL_TEXTS.examples).flatMap(([path, examples]) => {
    const of = commands.find((each) => each.path.slice(1).join(' ') === path);
    return examples.flatMap(({ line }) => {
      const [, called = ''] = /eve-agent (.*)/.exec(line) ?? [];
      const command = path === '' ? commands.find((each) => each.path[1] === called.split(' ')[0]) : of;
      const names = command?.options.flatMap((option) => option.names) ?? [];
      const isKnown = (called.match(/--[\w-]+/g) ?? []).every((name) => names.includes(name));
      return of !== undefined && command !== undefined && called.startsWith(path) && isKnown ? [] : [line];
    });
  });
  expect(wrong).toEqual([]);
});

test('the completion has commands below others, and the values that an option takes', async () => {
  const { stdout } = await run(['completion', 'bash']);
  expect(stdout).toContain(
    "'eve-agent browse --service') COMPREPLY=($(compgen -W 'workstation http https all'",
  );
  expect(stdout).toContain("'eve-agent deploy rollback') COMPREPLY");
});

describe('a host that multicast DNS does not name', () => {
  test('is left as it is', async () => {
    expect(await run(['resolve', 'https://example.org:8443/a?b'])).toEqual({
      exitCode: 0,
      stdout:
        'example.org is not on .local: ordinary DNS would be used\n' +
        'url             https://example.org:8443/a?b\n',
      stderr: '',
    });
  });
  test('may be an address', async () => {
    expect((await run(['resolve', 'http://10.1.0.5/a'])).stdout).toBe(
      '10.1.0.5 is an address: nothing to resolve\nurl             http://10.1.0.5/a\n',
    );
  });
  test.each([
    ['http://example.org/a', 'example.org', null],
    ['http://10.1.0.5/a', '10.1.0.5', '10.1.0.5'],
    ['http://[fd00::5]/a', '[fd00::5]', 'fd00::5'],
  ])('has the same document as one that was found: %s', async (url, host, address) => {
    const { stdout } = await run(['resolve', '--json', url]);
    expect(JSON.parse(stdout)).toEqual({
      host,
      address,
      bridge: null,
      sourceAddress: null,
      url,
      service: null,
      responder: null,
      elapsedMs: 0,
      packets: { received: 0, malformed: 0, rejected: 0 },
      alternatives: [],
    });
  });
});

describe('a wrong command line', () => {
  test.each([
    ['an unknown command', ['brwose'], "unknown command 'brwose'"],
    ['an unknown option', ['browse', '--colour'], "unknown option '--colour'"],
    ['no URL', ['resolve'], "missing required argument 'url'"],
    ['too many arguments', ['resolve', 'http://a/', 'http://b/'], 'too many arguments'],
    [
      'a timeout that is no number',
      ['resolve', '-t', 'x', 'http://a/'],
      "argument 'x' is invalid. a number of seconds",
    ],
    ['a timeout in another notation', ['resolve', '-t', '1e2', 'http://a/'], 'from 0.1 to 3600'],
    ['an empty timeout', ['resolve', '-t', '', 'http://a/'], 'from 0.1 to 3600'],
    ['a timeout that is too long', ['resolve', '-t', '9999', 'http://a/'], 'from 0.1 to 3600'],
    ['an unknown service', ['browse', '-s', 'ftp'], 'one of workstation, http, https, all expected'],
    ['a name no interface can have', ['browse', '-b', 'a/b'], 'the name of a network interface expected'],
    ['a URL without a scheme', ['resolve', 'ds.local/a'], 'is not a URL'],
    ['a URL of another scheme', ['resolve', 'ftp://ds.local/a'], 'must be http or https, not ftp'],
    ['a settings file that is not there', ['browse', '--config', '/nonexistent.yaml'], 'cannot be read'],
  ])('%s ends with 2 and says why', async (_, args, message) => {
    const { exitCode, stdout, stderr } = await run(args);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toContain(message);
  });
  test('is told as JSON to who wants JSON', async () => {
    const { exitCode, stdout, stderr } = await run(['resolve', '--json', 'ftp://ds.local/']);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(JSON.parse(stderr)).toEqual({
      error: {
        code: 'URL_INVALID',
        message: '"ftp://ds.local/": the scheme must be http or https, not ftp',
        retryable: false,
        details: {},
      },
    });
    expect(failureSchema.parse(JSON.parse(stderr))).toEqual(JSON.parse(stderr));
  });
});

describe('the settings file', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'agent-settings-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  test('can ask for JSON', async () => {
    const file = join(folder, 'json.yaml');
    await writeFile(file, 'json: true\nbridge: [bn1, bn2]\n');
    const { stdout } = await run(['resolve', '--config', file, 'http://10.1.0.5/']);
    expect(JSON.parse(stdout)).toMatchObject({ address: '10.1.0.5' });
  });
  test.each([
    ['bridges: bn1', 'unknown key "bridges": did you mean bridge?'],
    ['timeout: soon\nbridge: a/b', ': 2 mistakes:\n  timeout: '],
    ['timeout: soon', 'timeout: "soon" is not allowed'],
    ['bridge: [a b]', 'the name of a network interface expected'],
  ])('with "%s" is refused', async (text, message) => {
    const file = join(folder, 'wrong.yaml');
    await writeFile(file, text);
    const { exitCode, stderr } = await run(['resolve', '--config', file, 'http://10.1.0.5/']);
    expect(exitCode).toBe(2);
    expect(stderr).toContain(message);
  });
});

test('the variable of a switch that is neither on nor off is a mistake', async () => {
  vi.stubEnv('EVE_AGENT_APPS', 'maybe');
  const { exitCode, stderr } = await run(['run', '--state', '/proc/none'], undefined, {
    EVE_AGENT_APPS: 'maybe',
  });
  vi.unstubAllEnvs();
  expect(stderr).toBe('eve-agent: the variable EVE_AGENT_APPS holds "maybe": true or false expected\n');
  expect(exitCode).toBe(2);
});

test('the service tells of variables that no setting has', async () => {
  const variables = ['PATH', 'EVE_AGENT_STATE', 'EVE_AGENT_SERVICE', 'EVE_AGENT_BRIGDE', 'EVE_AGENT_COLOUR'];
  const environment = Object.fromEntries(variables.map((name) => [name, 'x']));
  const { stderr } = await run(['run', '--help'], undefined, environment);
  expect(stderr.split('\n')).toEqual([
    expect.stringMatching(/EVE_AGENT_BRIGDE is ignored.*: did you mean EVE_AGENT_BRIDGE\?$/),
    expect.stringMatching(/EVE_AGENT_COLOUR is ignored.*"eve-agent run --help"/),
    '',
  ]);
  expect((await run(['resolve', 'http://10.1.0.5/'], undefined, environment)).stderr).toBe('');
});

test('a list of bridges does not swallow the URL', async () => {
  const { exitCode, stdout } = await run([
    'resolve',
    '--bridge',
    'bn1',
    '--bridge',
    'bn2',
    'http://10.1.0.5/',
  ]);
  expect({ exitCode, stdout }).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('10.1.0.5') });
});

describe('the doctor', () => {
  test.each([
    ['by the flag', ['--no-separation'], {}],
    ['by the environment', [], { EVE_AGENT_NO_SEPARATION: 'true' }],
  ])('without a URL knows that separation was turned off %s', async (_, args, environment) => {
    vi.stubEnv('EVE_AGENT_NO_SEPARATION', undefined);
    for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
    const { exitCode, stdout } = await run(['doctor', '--json', ...args]);
    vi.unstubAllEnvs();
    const { checks, ...diagnosis } = diagnosisSchema().parse(JSON.parse(stdout));
    expect(checks).toMatchObject([{ id: 'separation', verdict: 'skipped' }]);
    expect(diagnosis).toMatchObject({ isUsable: true, verdict: 'the service can run here, as one process' });
    expect(exitCode).toBe(0);
  });
  test('does not take a URL and a configuration together', async () => {
    const { exitCode, stderr } = await run(['doctor', 'http://ds.local/a', '--apps', 'device.json']);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('either the URL of a datastore is expected, or a configuration with --apps');
  });
});

test('a signal is the reason, whatever failed because of it', async () => {
  const stopped = new AbortController();
  stopped.abort(new StoppedBySignal('SIGTERM'));
  expect(await run(['resolve', 'ds.local/a'], stopped.signal)).toEqual({
    exitCode: 143,
    stdout: '',
    stderr: 'eve-agent: stopped by SIGTERM\n',
  });
});
