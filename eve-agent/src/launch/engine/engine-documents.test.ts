// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import {
  containerSchema,
  imageSchema,
  infoSchema,
  networkSchema,
  toContainerSpec,
  toContainerView,
} from './engine-documents.ts';

const ID = '0123456789abcdef0123456789abcdef';
/** As Docker shows it, shortened: null for what is empty, and more than is read. */
const SHOWN = {
  Id: ID,
  Name: '/ed_web',
  Image: 'sha256:a',
  State: {
    ...{ Status: 'running', Running: true, ExitCode: 0, Error: '', OOMKilled: false, Pid: 1 },
    StartedAt: '2026-11-29T20:00:00Z',
    Health: { Status: 'starting', FailingStreak: 0, Log: [] },
  },
  Config: {
    ...{ Hostname: ID.slice(0, 12), Image: 'web:1', Env: ['A=b'], Labels: null, Tty: false, Volumes: null },
    Healthcheck: { Test: ['CMD', '/check'], Interval: 1e9 },
    StopTimeout: 7,
  },
  HostConfig: {
    ...{
      NetworkMode: 'lan',
      Binds: null,
      Memory: 5,
      RestartPolicy: { Name: 'always', MaximumRetryCount: 0 },
    },
    PortBindings: { '80/tcp': [{ HostIp: '', HostPort: '8080' }], '81/tcp': null },
  },
  NetworkSettings: {
    Ports: {
      '81/tcp': null,
      '80/tcp': [
        { HostIp: '0.0.0.0', HostPort: '8080' },
        { HostIp: '::', HostPort: '8080' },
        { HostIp: '127.0.0.1', HostPort: '80' },
      ],
      '53/udp': [{ HostIp: '', HostPort: '53' }],
    },
    Networks: {
      lan: {
        ...{ IPAMConfig: { IPv4Address: '10.9.0.9' }, Links: null, Aliases: ['web', ID.slice(0, 12)] },
        ...{
          IPAddress: '10.9.0.9',
          Gateway: '10.9.0.1',
          GlobalIPv6Address: '',
          MacAddress: '02:42:0a:09:00:09',
        },
      },
    },
  },
};
const parse = (more: object = {}) => containerSchema.parse({ ...SHOWN, ...more });

describe('what an engine shows of a container', () => {
  it('is read', () => {
    expect(toContainerView(parse())).toEqual({
      ...{
        id: ID,
        name: 'ed_web',
        labels: {},
        image: 'web:1',
        imageId: 'sha256:a',
        state: 'running',
        exitCode: 0,
      },
      ...{
        error: '',
        isOutOfMemory: false,
        startedAt: '2026-11-29T20:00:00Z',
        restartCount: 0,
        health: 'starting',
      },
      restartPolicy: { Name: 'always', MaximumRetryCount: 0 },
      healthcheck: { Test: ['CMD', '/check'], Interval: 1e9, Timeout: 0, StartPeriod: 0, Retries: 0 },
      ...{ shell: ['/bin/sh', '-c'], hasTerminal: false, stopTimeoutSeconds: 7, networkMode: 'lan' },
      networks: [{ name: 'lan', ipv4: '10.9.0.9', ipv6: '', gateway: '10.9.0.1' }],
      portBindings: { '80/tcp': [{ HostIp: '', HostPort: '8080' }], '81/tcp': [] },
      publishedPorts: [
        { protocol: 'udp', hostAddress: '', hostPort: 53, port: 53 },
        { protocol: 'tcp', hostAddress: '127.0.0.1', hostPort: 80, port: 80 },
        { protocol: 'tcp', hostAddress: '', hostPort: 8080, port: 80 },
      ],
    });
  });

  it('has no ports where it does not run', () => {
    const ended = parse({ State: { ...SHOWN.State, Status: 'exited' } });
    expect(toContainerView(ended).publishedPorts).toEqual([]);
  });

  it.each([
    ['another state', { State: { ...SHOWN.State, Status: 'asleep' } }],
    ['no name', { Name: undefined }],
    ['labels that are none', { Config: { ...SHOWN.Config, Labels: { a: 1 } } }],
    ['another restart policy', { HostConfig: { ...SHOWN.HostConfig, RestartPolicy: { Name: 'x' } } }],
  ])('is refused with %s', (_what, more) => {
    expect(containerSchema.safeParse({ ...SHOWN, ...more }).success).toBe(false);
  });

  it('makes another one like it, without what the engine chose itself', () => {
    const { Hostname, ...spec } = toContainerSpec(parse());
    expect(Hostname).toBeUndefined();
    expect(spec).toMatchObject({ Image: 'web:1', Env: ['A=b'], StopTimeout: 7, Labels: {} });
    expect(spec.HostConfig).toMatchObject({ Memory: 5, NetworkMode: 'lan' });
    expect(Object.values(spec.HostConfig)).not.toContain(null);
    expect(Object.values(spec)).not.toContain(null);
    expect(spec.NetworkingConfig).toEqual({
      EndpointsConfig: { lan: { Aliases: ['web'], IPAMConfig: { IPv4Address: '10.9.0.9' } } },
    });
  });

  it('keeps a host name that somebody chose, and has none of its own on another network', () => {
    const named = parse({ Config: { ...SHOWN.Config, Hostname: 'web' } });
    expect(toContainerSpec(named).Hostname).toBe('web');
    const joined = parse({
      Config: { ...SHOWN.Config, Hostname: 'device' },
      HostConfig: { ...SHOWN.HostConfig, NetworkMode: 'host' },
    });
    expect(toContainerSpec(joined)).not.toHaveProperty('Hostname');
    expect(toContainerSpec(joined)).not.toHaveProperty('NetworkingConfig');
  });
});

it.each([
  [{ Driver: 'bridge', Options: { 'com.docker.network.bridge.name': 'docker0' } }, 'docker0'],
  [{ Driver: 'bridge', Options: null }, 'br-0123456789ab'],
  [{ Driver: 'macvlan', Options: {} }, null],
])('the bridge of the network %j is %s', (network, bridge) => {
  expect(networkSchema.parse({ Id: ID, ...network })).toEqual({ driver: network.Driver, bridge });
});

it('an image has the tags that are some', () => {
  expect(imageSchema.parse({ Id: 'a', RepoTags: null })).toEqual({ id: 'a', tags: [] });
  expect(imageSchema.parse({ Id: 'a', RepoTags: ['web:1', '<none>:<none>'] }).tags).toEqual(['web:1']);
});

it.each([
  [{ InitCommit: { ID: 'de40ad0', Expected: 'de40ad0' } }, true],
  [{ InitCommit: { ID: 'N/A', Expected: '' } }, false],
  [{ InitCommit: { ID: '' } }, true],
  [{}, true],
])('of an engine that says %j, the init is there: %s', (info, hasInit) => {
  expect(infoSchema.parse(info)).toEqual({ hasInit });
});
