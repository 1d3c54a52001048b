// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { findUnsupported } from './api-versions.ts';
import { readArgumentFiles } from './argument-files.ts';
import { RunArgumentsError } from './errors.ts';
import type { HostPaths } from './host-paths.ts';
import { hostPathsOf, lookUpHostPaths } from './host-paths.ts';
import { parseRunArguments } from './parse.ts';
import { toContainerSpec } from './to-container-spec.ts';

const NO_FILES = { env: [], labels: [], securityOptions: [] };

/** Paths lead where the map says, else to themselves. */
function pathsOf(args: readonly string[], links: Readonly<Record<string, string>> = {}): HostPaths {
  const real = new Map(hostPathsOf(parseRunArguments(args)).map((path) => [path, links[path] ?? path]));
  return { real, engineSockets: [] };
}

async function specOf(args: readonly string[], files: Readonly<Record<string, string>> = {}) {
  const parsed = parseRunArguments(args);
  const hostPaths = pathsOf(args);
  const contents = await readArgumentFiles(parsed, hostPaths, async (path, maxBytes) => {
    const text = files[path];
    if (text === undefined) throw new Error('it is not there');
    if (text.length > maxBytes) throw new Error('it is too long');
    return text;
  });
  return toContainerSpec(parsed, 'ed_web:1', { hostPaths, files: contents });
}

// What flags become is compared with Docker's own command in test/interop/run-arguments.test.ts.
describe('the container of arguments', () => {
  it('has the image that is handed in', async () => {
    expect(await specOf(['-t=false', '-i=false', 'IMAGE', 'serve'])).toEqual({
      Image: 'ed_web:1',
      Cmd: ['serve'],
      OpenStdin: false,
      Tty: false,
      HostConfig: { NetworkMode: 'default' },
    });
  });

  it('mounts the folders that were judged, wherever links lead later', () => {
    const args = ['-v', '/data/a:/x:ro', '-v', 'named:/y', '--mount', 'type=bind,src=/data/b,dst=/z'];
    const hostPaths = pathsOf(args, { '/data/a': '/srv/a', '/data/b': '/srv/b' });
    const { HostConfig } = toContainerSpec(parseRunArguments(args), 'x', { hostPaths, files: NO_FILES });
    expect(HostConfig.Binds).toEqual(['/srv/a:/x:ro', 'named:/y']);
    expect(HostConfig.Mounts).toEqual([{ Type: 'bind', Source: '/srv/b', Target: '/z' }]);
  });

  it('is none where nobody looked, or where a bind cannot say the path', () => {
    const args = parseRunArguments(['-v', '/data/a:/x']);
    const sources = { hostPaths: { real: new Map(), engineSockets: [] }, files: NO_FILES };
    expect(() => toContainerSpec(args, 'x', sources)).toThrow('nobody looked where /data/a leads');
    const hostPaths = pathsOf(['-v', '/data/a:/x'], { '/data/a': '/srv/a:/etc' });
    expect(() => toContainerSpec(args, 'x', { hostPaths, files: NO_FILES })).toThrow(RunArgumentsError);
  });

  it('has what its files say, and over that what its flags say', async () => {
    const spec = await specOf(
      [
        '--env-file',
        '/a.env',
        '-e',
        'B=flag',
        '--env-file=/b.env',
        '--label-file',
        '/labels',
        '-l',
        'x=flag',
      ],
      {
        '/a.env': '\ufeff# comment\n\n A=1 \r\nB=file\nC=a=b\n',
        '/b.env': 'A=2\nÉ=é',
        '/labels': 'x=file\ny=z\nwithout\n',
      },
    );
    expect(spec.Env).toEqual(['A=2', 'B=flag', 'C=a=b', 'É=é']);
    expect(spec.Labels).toEqual({ x: 'flag', y: 'z' });
  });

  it('has the profile of a file as one of its options', async () => {
    const spec = await specOf(['--security-opt', 'seccomp=/p.json', '--security-opt', 'no-new-privileges'], {
      '/p.json': '{ "defaultAction":\n "SCMP_ACT_ALLOW" }',
    });
    expect(spec.HostConfig.SecurityOpt).toEqual([
      'no-new-privileges',
      'seccomp={"defaultAction":"SCMP_ACT_ALLOW"}',
    ]);
  });
});

describe('a file that is none of its flag', () => {
  it.each<[string[], string, string]>([
    [['--env-file', '/f'], 'NAME', 'variable 1 has no value'],
    [['--env-file', '/f'], 'A=1\n=hidden', 'variable 2 has no name'],
    [['--env-file', '/f'], 'A B=hidden', 'variable 1 has no name'],
    [['--env-file', '/f'], 'A=\0hidden', 'byte 0'],
    [['--env-file', '/f'], `A=${'x'.repeat(70_000)}`, 'too long'],
    [['--env-file', '/gone'], '', 'it is not there'],
    [['--label-file', '/f'], 'io.local-datastore.kind=x', "are the agent's"],
    [['--label-file', '/f'], 'a b=x', 'no blanks'],
    [['--security-opt', 'seccomp=/f'], '{', 'it is no JSON'],
  ])('%j with %.20j', async (args, text, why) => {
    const failure = specOf(args, { '/f': text });
    await expect(failure).rejects.toThrow(RunArgumentsError);
    await expect(failure).rejects.toThrow(why);
    await expect(failure).rejects.not.toThrow('hidden');
  });

  it('or was not looked up, is not read', async () => {
    const read = readArgumentFiles(
      parseRunArguments(['--env-file', '/f']),
      { real: new Map(), engineSockets: [] },
      async () => 'A=1',
    );
    await expect(read).rejects.toThrow('nobody looked where it is');
  });

  it('is read where it really is', async () => {
    const args = parseRunArguments(['--env-file', '/link']);
    const hostPaths = await lookUpHostPaths(args, {
      realpath: async (path) => (path === '/link' ? '/srv/real.env' : path),
      allowedHostPaths: [],
      engineSocket: null,
    });
    const { env } = await readArgumentFiles(args, hostPaths, async (path) => `AT=${path}`);
    expect(env).toEqual([['AT', '/srv/real.env']]);
  });
});

describe('what an engine is too old for', () => {
  it.each<[string[], number, string]>([
    [['--mount', 'type=bind,src=/a,dst=/x,bind-create-src'], 42, '--mount'],
    [['--annotation', 'a=b'], 43, '--annotation'],
    [['--health-start-interval', '5s'], 44, '--health-start-interval'],
    [['--network', 'one', '--network', 'two'], 44, '--network'],
    [['--device', 'vendor.com/x=1'], 44, '--device'],
    [
      ['--mount', 'type=bind,src=/a,dst=/x,ro,bind-recursive=readonly,bind-propagation=rprivate'],
      44,
      '--mount',
    ],
    [['--mount', 'src=aa,dst=/x,volume-subpath=b'], 45, '--mount'],
    [['--mount', 'type=image,src=a,dst=/x'], 48, '--mount'],
    [['--network', 'name=one,gw-priority=1'], 48, '--network'],
  ])('%j needs 1.%i', (words, leastApi, flag) => {
    const args = parseRunArguments(words);
    expect(findUnsupported(args, leastApi)).toEqual([]);
    expect(findUnsupported(args, leastApi - 1)).toMatchObject([{ leastApi, flag }]);
    expect(findUnsupported(args, 41)).toHaveLength(1);
  });

  it.each<string[]>([
    ['-p', '80:80', '-v', 'aa:/x', '--gpus', 'all', '--health-cmd', 'x', '--cgroupns', 'host'],
    ['--mount', 'type=bind,src=/a,dst=/x,bind-recursive=disabled', '--network', 'name=one,alias=x', '--init'],
  ])('%j is of 20.10', (...words) => {
    expect(findUnsupported(parseRunArguments(words), 41)).toEqual([]);
  });
});
