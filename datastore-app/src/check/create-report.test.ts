// SPDX-License-Identifier: Apache-2.0
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigurationError } from '@local-datastore/shared/errors';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Neighbour } from '../advertise/neighbours.ts';
import type { NetworkLink } from '../advertise/network-links.ts';
import type { ServeOptions } from '../config.ts';
import { type CheckInput, createReport } from './create-report.ts';
import { formatReport } from './format-report.ts';

const eth0: NetworkLink = {
  name: 'eth0',
  address: '10.1.0.5',
  cidrs: ['10.1.0.5/24'],
  mac: '02:16:3e:00:00:05',
  isLoopback: false,
  index: 2,
};

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'check-'));
  await mkdir(join(folder, 'root'));
  await mkdir(join(folder, 'state'));
  await writeFile(join(folder, 'root/a.img'), Buffer.alloc(2048));
});
afterEach(() => rm(folder, { recursive: true }));

function check({
  options = {},
  input = {},
  links = [eth0],
  takenPorts = [],
  neighbours = [],
}: {
  options?: Partial<ServeOptions>;
  input?: Partial<CheckInput>;
  links?: NetworkLink[];
  takenPorts?: number[];
  neighbours?: Neighbour[];
} = {}) {
  const all: ServeOptions = {
    root: join(folder, 'root'),
    state: join(folder, 'state'),
    reserve: 0,
    hostName: 'ds',
    port: 80,
    tlsPort: 443,
    readUser: 'eve',
    registryTokenKey: 'id',
    drainTimeout: 25,
    maxConnections: 100,
    headerTimeout: 60,
    idleTimeout: 120,
    uploadExpiry: 24,
    registry: 'on',
    registryGc: 'daily',
    registryTrash: 1,
    scrubInterval: 0,
    parsing: 'own',
    scrubRate: 1024,
    accessLog: 'none',
    logLevel: 'info',
    logFormat: 'auto',
    ...options,
  };
  return createReport(
    {
      listLinks: () => links,
      findNeighbours: async () => neighbours,
      whyPortTaken: async (_address, port) =>
        takenPorts.includes(port) ? `port ${port} is taken` : undefined,
    },
    {
      options: all,
      tls: () => ({ kind: 'off' }),
      choices: () => ({
        hostLabel: 'ds',
        ownServices: ['workstation', 'http'],
        isExplicit: false,
        avahi: undefined,
      }),
      writeTokenFile: async () => join(folder, 'state/write-token'),
      readCredential: () => undefined,
      whyNoGrants: async () => undefined,
      whyNoUpstreams: async () => undefined,
      ...input,
    },
  );
}

test('tells what would be advertised and served, and writes nothing', async () => {
  const report = await check();
  expect(report).toEqual({
    isFine: true,
    hostName: 'ds.local',
    interfaces: [
      {
        name: 'eth0',
        address: '10.1.0.5',
        addresses: ['10.1.0.5'],
        services: [
          {
            type: '_workstation._tcp',
            port: 9,
            instanceName: 'ds [02:16:3e:00:00:05]',
            subtypes: [],
            txt: ['txtvers=1'],
          },
          { type: '_http._tcp', port: 80, instanceName: 'ds', subtypes: [], txt: ['txtvers=1', 'path=/'] },
        ],
      },
    ],
    images: { root: join(folder, 'root'), count: 1, sizeBytes: 2048 },
    state: join(folder, 'state'),
    listeners: [{ scheme: 'http', address: null, port: 80, trouble: null }],
    tls: 'off',
    certificate: null,
    writeTokenFile: join(folder, 'state/write-token'),
    problems: [],
  });
  expect(await readdir(join(folder, 'state'))).toEqual([]);
  expect(formatReport(report)).toBe(`Would be advertised as ds.local:
  eth0  10.1.0.5
    _workstation._tcp  port 9  "ds [02:16:3e:00:00:05]"  "txtvers=1"
    _http._tcp  port 80  "ds"  "txtvers=1" "path=/"
Would be served:
  ${folder}/root: 1 images, 2 KiB
  http on port 80 of every address
State: ${folder}/state
Write token: ${folder}/state/write-token
The configuration is fine.
`);
});

test('directories that are missing would be made, and are not', async () => {
  const report = await check({ options: { root: join(folder, 'x/root'), state: join(folder, 'x/state') } });
  expect(report.isFine).toBe(true);
  expect(report.images).toEqual({ root: join(folder, 'x/root'), count: 0, sizeBytes: 0 });
  expect(report.problems.map(({ severity }) => severity)).toEqual(['info', 'info']);
  expect((await readdir(folder)).sort()).toEqual(['root', 'state']);
});

test('names everything that is wrong at once', async () => {
  const fail = (message: string) => () => {
    throw new ConfigurationError(message);
  };
  const report = await check({
    options: { state: join(folder, 'root/state') },
    input: { tls: fail('no key'), choices: fail('no choice'), readCredential: fail('no password') },
    takenPorts: [80],
  });
  expect(report.isFine).toBe(false);
  expect(report.hostName).toBeNull();
  expect(
    report.problems.filter(({ severity }) => severity === 'error').map(({ message }) => message),
  ).toEqual([
    'no key',
    'no password',
    `--state ${folder}/root/state lies in --root ${folder}/root: it would be served`,
    'no choice',
    'port 80 is taken (or the datastore runs already)',
  ]);
  expect(formatReport(report)).toContain('The configuration is wrong: 5 errors.');
});

test('a file in the place of a directory is an error', async () => {
  const report = await check({
    options: { root: join(folder, 'root/a.img'), state: join(folder, 'root/a.img/state') },
  });
  expect(report).toMatchObject({ isFine: false, images: null, state: null });
  expect(report.problems.map(({ message }) => message)).toEqual([
    expect.stringContaining('it is no directory'),
    expect.stringContaining('ENOTDIR'),
  ]);
});

test('warns of interfaces that are missing, and of ports that EVE does not take', async () => {
  const missing = await check({ options: { interface: ['eth0', 'eth7'], port: 8080 } });
  expect(missing.isFine).toBe(true);
  expect(missing.problems).toEqual([
    { severity: 'warning', message: expect.stringContaining('interface eth7 is absent') },
    { severity: 'warning', message: 'http is served on port 8080: stock EVE takes port 80 alone' },
  ]);
  const none = await check({ options: { excludedInterfaces: ['eth0'] } });
  expect(none.interfaces).toEqual([]);
  expect(none.problems.map(({ message }) => message)).toEqual([
    expect.stringContaining('no network interface'),
  ]);
});

test('nothing is said of interfaces when nothing is advertised', async () => {
  const choices = () => ({ hostLabel: 'ds', ownServices: [], isExplicit: true, avahi: undefined });
  const report = await check({ input: { choices }, links: [] });
  expect(report).toMatchObject({ isFine: true, hostName: null, interfaces: [], problems: [] });
  expect(formatReport(report)).toContain('Nothing would be advertised.');
});

test('without an interface nothing would be advertised', async () => {
  const report = await check({ links: [] });
  expect(report).toMatchObject({ hostName: 'ds.local', interfaces: [] });
  expect(formatReport(report)).toMatch(/^Nothing would be advertised\.\nWould be served:/);
});

test('finds an authority that serve would not take, and leaves the state directory as it is', async () => {
  const authority = { input: { tls: () => ({ kind: 'authority' }) as const } };
  expect((await check(authority)).isFine).toBe(true);
  expect(await readdir(join(folder, 'state'))).toEqual([]);
  await mkdir(join(folder, 'state/tls'));
  await writeFile(join(folder, 'state/tls/ca.pem'), 'no certificate');
  const { isFine, problems } = await check(authority);
  expect(isFine).toBe(false);
  expect(problems).toContainEqual({
    severity: 'error',
    message: expect.stringContaining('ca-key.pem is missing'),
  });
});

test('shows all addresses of an interface', async () => {
  const cidrs = ['169.254.3.4/16', '10.1.0.5/24', '192.168.7.5/24'];
  const report = await check({ links: [{ ...eth0, cidrs }] });
  expect(report.interfaces[0]?.addresses).toEqual(['10.1.0.5', '192.168.7.5', '169.254.3.4']);
  expect(formatReport(report)).toContain('\n  eth0  10.1.0.5, 192.168.7.5, 169.254.3.4\n');
});

test('warns of a neighbour that EVE may take for this host', async () => {
  const neighbours = [{ interfaceName: 'eth0', name: 'my-ds.local', address: '10.1.0.9' }];
  const { isFine, problems } = await check({ neighbours });
  expect(isFine).toBe(true);
  expect(problems).toEqual([
    {
      severity: 'warning',
      message: expect.stringContaining('my-ds.local (10.1.0.9 on eth0): stock EVE takes'),
    },
  ]);
});

const wrong = async () => 'they are wrong';
const absent = () => Promise.reject(new Error('they are absent'));
test.each<[string, Partial<CheckInput>, 'warning' | 'error']>([
  ['grants that cannot be used do not keep from starting', { whyNoGrants: wrong }, 'warning'],
  ['nor do upstreams', { whyNoUpstreams: wrong }, 'warning'],
  ['a given file of grants that is not there does', { whyNoGrants: absent }, 'error'],
  ['and one of upstreams', { whyNoUpstreams: absent }, 'error'],
])('%s', async (_, input, severity) => {
  const report = await check({ input });
  expect(report.isFine).toBe(severity === 'warning');
  expect(report.problems).toContainEqual({ severity, message: expect.stringMatching(/^they are/) });
});
