// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import type { ContainerSpec } from '../engine/container-spec.ts';
import { candidateSpec, nextSpec, type VersionFacts } from './container-bodies.ts';
import { type HealthCheck, parseStoredHealth } from './health-check.ts';

const spec: ContainerSpec = {
  Image: 'ed_web:1',
  Env: ['A=b'],
  Labels: { 'user.label': 'kept', 'io.local-datastore.generation': '99' },
  HostConfig: {
    Memory: 5,
    PortBindings: { '80/tcp': [{ HostIp: '', HostPort: '8080' }] },
    PublishAllPorts: true,
  },
  NetworkingConfig: { EndpointsConfig: { lan: { Aliases: ['web'], DriverOpts: { a: 'b' } } } },
};
const health: HealthCheck = {
  kind: 'tcp',
  ...{ port: 80, intervalMs: 1, timeoutMs: 2, startPeriodMs: 3, retries: 4 },
};
const facts: VersionFacts = {
  ...{ deployment: 'web', generation: 7, replaces: 5, configDigest: 'sha256:abc', health, stopSeconds: 20 },
  hasInit: true,
};

describe('nextSpec', () => {
  it('says what it is by labels, which the arguments cannot override', () => {
    const { Labels } = nextSpec(spec, facts);
    expect(Labels).toEqual({
      'user.label': 'kept',
      'io.local-datastore.deployment': 'web',
      'io.local-datastore.generation': '7',
      'io.local-datastore.kind': 'version',
      'io.local-datastore.image': 'sha256:abc',
      'io.local-datastore.replaces': '5',
      'io.local-datastore.restart': 'unless-stopped',
      'io.local-datastore.health': JSON.stringify(health),
    });
    expect(parseStoredHealth(Labels?.['io.local-datastore.health'])).toEqual(health);
    expect(nextSpec(spec, { ...facts, replaces: null }).Labels?.['io.local-datastore.replaces']).toBe('');
  });

  it('is not started again before it serves, and has an init unless somebody wants none', () => {
    expect(nextSpec(spec, facts).HostConfig).toEqual({
      ...spec.HostConfig,
      Init: true,
      RestartPolicy: { Name: 'no' },
    });
    expect(nextSpec(spec, { ...facts, hasInit: false }).HostConfig.Init).toBe(false);
    const own = {
      ...spec.HostConfig,
      Init: false,
      RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 2 } as const,
    };
    const { HostConfig, Labels } = nextSpec({ ...spec, HostConfig: own }, facts);
    expect([HostConfig.Init, HostConfig.RestartPolicy]).toEqual([false, { Name: 'no' }]);
    expect(Labels?.['io.local-datastore.restart']).toBe('on-failure:2');
  });

  it.each([
    [undefined, null, undefined],
    [undefined, 20, 20],
    [7, 20, 7],
    [0, 20, 0],
  ])('a stop timeout of %s in the arguments and %s beside them is %s', (own, beside, expected) => {
    const wanted = { ...spec, ...(own !== undefined && { StopTimeout: own }) };
    expect(nextSpec(wanted, { ...facts, stopSeconds: beside }).StopTimeout).toBe(expected);
  });

  it.each([
    ['test -e /ready', ['CMD-SHELL', 'test -e /ready']],
    [
      ['/check', '--now'],
      ['CMD', '/check', '--now'],
    ],
  ])('a command becomes its HEALTHCHECK', (command, Test) => {
    const check = {
      kind: 'command',
      command,
      intervalMs: 1000,
      timeoutMs: 2,
      startPeriodMs: 3,
      retries: 4,
    } as const;
    expect(nextSpec(spec, { ...facts, health: check }).Healthcheck).toEqual({
      Test,
      Interval: 1_000_000_000,
      Timeout: 2_000_000,
      StartPeriod: 3_000_000,
      Retries: 4,
    });
  });
});

describe('candidateSpec', () => {
  it('is the same, but without ports, a name on the network, and a restart', () => {
    const next = nextSpec(spec, facts);
    expect(candidateSpec(next)).toEqual({
      ...next,
      Labels: { ...next.Labels, 'io.local-datastore.kind': 'candidate' },
      HostConfig: {
        ...{ Memory: 5, Init: true, PortBindings: {}, PublishAllPorts: false },
        RestartPolicy: { Name: 'no' },
      },
      NetworkingConfig: { EndpointsConfig: { lan: { DriverOpts: { a: 'b' } } } },
    });
  });
});
