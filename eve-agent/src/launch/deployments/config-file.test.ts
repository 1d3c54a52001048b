// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { parseDeploymentsConfig } from './config-file.ts';

const parse = (document: object) => parseDeploymentsConfig(JSON.stringify(document));
const WEBSITE = { name: 'website', args: ['-p', '80:8000'] };

describe('what ed-daemon takes', () => {
  it('is taken: the file that it is packaged with', () => {
    const config = parse({
      docker_socket: '/var/run/docker.sock',
      container_prefix: 'ed_',
      tls_key: '/etc/edd/server.key',
      tls_certs: '/etc/edd/server.crt',
      mututal_tls_ca_certs: '/etc/edd/ca.crt',
      deployments: [WEBSITE],
    });
    expect(config).toMatchObject({
      engine: { kind: 'unix', path: '/var/run/docker.sock' },
      prefix: 'ed_',
      tls: {
        certificate: '/etc/edd/server.crt',
        key: '/etc/edd/server.key',
        clientCa: '/etc/edd/ca.crt',
        clientCrl: undefined,
      },
      clients: null,
      warnings: [],
    });
    expect(config.deployments.get('website')).toMatchObject({ settings: { args: ['-p', '80:8000'] } });
  });

  it('has the same defaults, but the name of the socket that Docker has', () => {
    expect(parse({ deployments: [{ name: 'main' }] })).toMatchObject({
      engine: { kind: 'unix', path: '/var/run/docker.sock' },
      prefix: 'ed_',
      tls: { certificate: '/etc/edd/server.crt', key: '/etc/edd/server.key', clientCa: '/etc/edd/ca.crt' },
    });
  });

  it.each(['mutual_tls_ca_certs', 'mututal_tls_ca_certs'])('is spelt %s', (key) => {
    expect(parse({ [key]: '/a/ca.crt', deployments: [] }).tls.clientCa).toBe('/a/ca.crt');
  });

  it('is not spelt in both ways with two meanings', () => {
    const both = (one: string, other: string) => () =>
      parse({ mutual_tls_ca_certs: one, mututal_tls_ca_certs: other, deployments: [] });
    expect(both('/a', '/b')).toThrow('name two files');
    expect(both('/a', '/a')).not.toThrow();
  });

  it('names what nothing is done by', () => {
    const { warnings } = parse({ image_store: './store', deployments: [{ ...WEBSITE, restart: 'always' }] });
    expect(warnings).toEqual([
      'unknown key image_store: nothing is done by it',
      'deployment website: unknown key restart',
    ]);
  });
});

it('takes a file that begins with a byte order mark', () => {
  expect(parseDeploymentsConfig(`\uFEFF${JSON.stringify({ deployments: [] })}`).deployments.size).toBe(0);
});

it.each([
  ['', /no JSON/],
  ['{"deployments": [', /no JSON/],
  ['[]', /an object in braces/],
  ['{}', /deployments: a list of deployments/],
  ['{"deployments": {"name": "a"}}', /a list of deployments/],
  ['{"deployments": [], "docker_socket": "ssh://a"}', /no address of a Docker engine/],
  ['{"deployments": [], "docker_socket": 1}', /docker_socket: a text/],
  ['{"deployments": [], "clients": {}}', /clients: a list/],
  ['{"deployments": [], "allowedHostPaths": ["data"]}', /absolute paths/],
  ['{"deployments": [], "maxImageSize": "many"}', /a size expected/],
])('%s is refused as a whole', (content, why) => {
  expect(() => parseDeploymentsConfig(content)).toThrow(why);
});

describe('one bad entry', () => {
  it.each([
    [5, 'deployments[1]', /no name/],
    [{ args: [] }, 'deployments[1]', /no name/],
    [{ name: 7 }, 'deployments[1]', /no name/],
    [{ name: '' }, 'deployments[1]', /cannot be called/],
    [{ name: 'Main' }, 'deployments[1]', /small letters/],
    [{ name: '../etc' }, 'deployments[1]', /cannot be called/],
    [{ name: 'a'.repeat(101) }, 'deployments[1]', /cannot be called/],
    [{ name: 'web.new' }, 'deployments[1]', /other versions/],
    [{ name: 'web.old-3' }, 'deployments[1]', /other versions/],
    [{ name: 'website' }, 'deployments[1]', /more than once/],
    [{ name: 'bad', args: ['-p', 80] }, 'bad', /args/],
    [{ name: 'bad', health: 'good' }, 'bad', /health/],
    [{ name: 'bad', health: { kind: 'tcp', port: 0 } }, 'bad', /health\.port/],
    [{ name: 'bad', health: { kind: 'tcp', port: 1, command: ['a'] } }, 'bad', /health/],
    [{ name: 'bad', keep: -1 }, 'bad', /keep/],
    [{ name: 'bad', settle: 'soon' }, 'bad', /settle: a time expected/],
    [{ name: 'bad', stopTimeout: 9999 }, 'bad', /stopTimeout/],
    [{ name: '__proto__', args: [] }, 'deployments[1]', /cannot be called/],
  ])('%j stops no other', (entry, name, why) => {
    const { deployments } = parse({ deployments: [WEBSITE, entry, { name: 'other' }] });
    expect(deployments.get(name)).toMatchObject({ kind: 'unusable', problem: expect.stringMatching(why) });
    expect(deployments.get('website')).toMatchObject({ kind: 'usable' });
    expect(deployments.get('other')).toMatchObject({ kind: 'usable' });
  });

  it('of the clients permits nothing, and is told', () => {
    const { clients, warnings } = parse({
      deployments: [],
      clients: [{ subject: 'ci' }, { subject: 'CN=ci' }],
    });
    expect(clients).toHaveLength(1);
    expect(warnings).toEqual([expect.stringMatching(/^clients\[0\] permits nothing/)]);
  });

  it('of the clients alone permits nobody anything', () => {
    expect(parse({ deployments: [], clients: [{}] }).clients).toEqual([]);
  });
});

it('reads the keys of a deployment', () => {
  const { deployments } = parse({
    allow: ['devices'],
    deployments: [
      {
        name: 'web',
        args: '-p 80:8000',
        image: 'docker://ds.local/web:1',
        health: { kind: 'http', port: 8000, path: '/healthz', startPeriodSeconds: 120 },
        settle: '500ms',
        keep: 3,
        stopTimeout: 30,
        allow: ['privileged'],
        allowedHostPaths: ['/var/data'],
      },
    ],
  });
  expect(deployments.get('web')).toEqual({
    kind: 'usable',
    settings: {
      name: 'web',
      args: '-p 80:8000',
      image: 'docker://ds.local/web:1',
      health: expect.objectContaining({ kind: 'http', port: 8000, path: '/healthz', startPeriodMs: 120_000 }),
      settleMs: 500,
      keep: 3,
      stopSeconds: 30,
      allow: ['devices', 'privileged'],
      allowedHostPaths: ['/var/data'],
    },
  });
});
