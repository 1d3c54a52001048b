// SPDX-License-Identifier: Apache-2.0
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { findCalfCode, launcherArguments } from './calf-code.ts';
import { layOut } from './execute-once.ts';
import type { LaunchOrder } from './launch-order.ts';
import { calfEnvironment, nodeArguments, nodeOptions } from './node-arguments.ts';
import { outermost } from './private-root.ts';

const MEBIBYTE = 1024 * 1024;
const ORDER: LaunchOrder = {
  ...{ name: 'net', parent: 1, user: 65520, dropsBoundingSet: true, hasNamespaces: true, firstClosed: 6 },
  ...{
    limits: { memoryBytes: 128 * MEBIBYTE, openFiles: 64 },
    module: null,
    asset: null,
    visible: [],
    args: [],
  },
};

describe('Node is executed', () => {
  it('with no right but threads where it has some, for a script', () => {
    const args = nodeArguments({ ...ORDER, args: ['--inspect', 'x'] }, '/usr/bin/node');
    expect(args.slice(0, 2)).toEqual(['/usr/bin/node', '--permission']);
    expect(args).toContain('--max-old-space-size=64');
    expect(args.filter((arg) => arg.startsWith('--allow'))).toEqual([]);
    const limits = { ...ORDER.limits, workers: 2 };
    expect(nodeOptions({ ...ORDER, limits })).toContain('--allow-worker');
    // What follows is the program's own.
    expect(args.slice(-3)).toEqual(['--', '--inspect', 'x']);
  });

  it('reading the folders of a module, and writing where that was said', () => {
    const visible = [
      { path: '/opt/agent', isWritable: false },
      { path: '/var/lib/x', isWritable: true },
    ];
    const order = { ...ORDER, module: '/opt/agent/main.ts', visible };
    expect(nodeOptions(order).filter((arg) => arg.startsWith('--allow'))).toEqual([
      '--allow-fs-read=/opt/agent/*',
      '--allow-fs-read=/var/lib/x/*',
      '--allow-fs-write=/var/lib/x/*',
    ]);
    expect(nodeArguments(order, 'node').at(-1)).toBe('/opt/agent/main.ts');
  });

  it('as an executable in another role, with one argument that is options', () => {
    const visible = [{ path: '/a "b" \\', isWritable: false }];
    const args = nodeArguments(
      { ...ORDER, asset: 'calf-net.js', visible, args: ['x'] },
      '/usr/bin/eve-agent',
    );
    expect(args).toEqual([
      '/usr/bin/eve-agent',
      expect.stringMatching(/^--node-options="--permission" .*"--allow-fs-read=\/a \\"b\\" \\\\\/\*"/),
      ...['calf', 'calf-net.js', 'x'],
    ]);
  });

  it('with nothing of this process in its environment', () => {
    expect(calfEnvironment([])).toEqual([
      'NODE_CHANNEL_FD=4',
      'NODE_CHANNEL_SERIALIZATION_MODE=json',
      'PATH=/nonexistent',
      'OPENSSL_CONF=/nonexistent',
    ]);
    expect(calfEnvironment(['/lib', '/lib64']).at(-1)).toBe('LD_LIBRARY_PATH=/lib:/lib64');
  });
});

describe('what is executed', () => {
  it('lies as execve takes it', () => {
    const image = layOut('/n', ['/n', 'a b', ''], ['K=ä']);
    const memory = new Uint8Array(4096);
    const address = 0x7000_0000_0000n;
    const { argv, envp } = image.write(memory, address);
    const bytes = Buffer.from(memory.buffer);
    const textAt = (pointer: bigint) => {
      const start = Number(pointer - address);
      return bytes.toString('utf8', start, bytes.indexOf(0, start));
    };
    const list = (table: bigint): string[] => {
      const texts: string[] = [];
      for (let at = Number(table - address); ; at += 8) {
        const pointer = bytes.readBigUInt64LE(at);
        if (pointer === 0n) return texts;
        texts.push(textAt(pointer));
      }
    };
    expect(textAt(address)).toBe('/n');
    expect(list(argv)).toEqual(['/n', 'a b', '']);
    expect(list(envp)).toEqual(['K=ä']);
    expect(argv % 8n).toBe(0n);
    expect(Number(envp - address) + 16).toBe(image.sizeBytes);
  });

  it('is refused with a NUL in it', () => {
    expect(() => layOut('/n', ['a\0b'], [])).toThrow('NUL');
  });
});

it.each([
  ['nothing', [], []],
  ['what stands apart', ['/a', '/ab', '/b/c'], ['/a', '/ab', '/b/c']],
  ['what stands below another', ['/a/b/c', '/a', '/a/b'], ['/a']],
  ['the same twice', ['/a', '/a'], ['/a']],
])('a root shows %s', (_, paths, expected) => {
  const visible = paths.map((path) => ({ path, isWritable: false }));
  expect(outermost(visible).map(({ path }) => path)).toEqual(expected);
});

describe('programs are found', () => {
  it.each([
    [
      'file:///w/shared/src/confinement/launcher/calf-code.ts',
      false,
      '/w/shared/src/confinement/launcher/main.ts',
    ],
    ['file:///opt/eve-agent/main.js', false, '/opt/eve-agent/calf-launcher.js'],
    ['file:///usr/bin/eve-agent', true, 'calf-launcher'],
  ])('the launcher of %s', (url, isExecutable, launcher) => {
    expect(launcherArguments(url, isExecutable)).toEqual([launcher]);
  });

  const workspace = fileURLToPath(new URL('../../../..', import.meta.url)).replace(/\/$/, '');
  it.each([
    [
      'file:///w/eve-agent/src/sandbox/calves/find-calf.ts',
      false,
      { kind: 'source', file: '/w/eve-agent/src/sandbox/calves/net/main.ts', folders: [workspace] },
    ],
    ['file:///opt/eve-agent/main.js', false, { kind: 'script', file: '/opt/eve-agent/calf-net.js' }],
    ['file:///usr/bin/eve-agent', true, { kind: 'asset', name: 'calf-net.js' }],
  ])('a calf of %s', (url, isExecutable, code) => {
    expect(findCalfCode('net', url, isExecutable)).toEqual(code);
  });
});
