// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { chooseCheck, healthCheckSchema, judgementLimitMs, parseStoredHealth } from './health-check.ts';

describe('healthCheckSchema', () => {
  const timing = { intervalMs: 1000, timeoutMs: 5000, startPeriodMs: 30_000, retries: 3 };
  it.each([
    [
      { kind: 'http', port: 80 },
      { kind: 'http', port: 80, path: '/', ...timing },
    ],
    [
      { kind: 'tcp', port: 1883 },
      { kind: 'tcp', port: 1883, ...timing },
    ],
    [
      { kind: 'command', command: ['/check'] },
      { kind: 'command', command: ['/check'], ...timing },
    ],
    [
      ...([
        {
          kind: 'http',
          port: 80,
          path: '/a?b',
          intervalSeconds: 0.5,
          timeoutSeconds: 2,
          startPeriodSeconds: 0,
          retries: 1,
        },
        {
          kind: 'http',
          port: 80,
          path: '/a?b',
          intervalMs: 500,
          timeoutMs: 2000,
          startPeriodMs: 0,
          retries: 1,
        },
      ] as const),
    ],
  ])('takes %j', (written, check) => {
    expect(healthCheckSchema.parse(written)).toEqual(check);
    expect(parseStoredHealth(JSON.stringify(check))).toEqual(check);
  });

  it.each([
    ['no kind', { port: 80 }],
    ['another kind', { kind: 'grpc', port: 80 }],
    ['no port', { kind: 'http' }],
    ['a port that is none', { kind: 'tcp', port: 65_536 }],
    ['a path with a line', { kind: 'http', port: 80, path: '/a\r\nHost: b' }],
    ['a path without its slash', { kind: 'http', port: 80, path: 'a' }],
    ['no command', { kind: 'command', command: '' }],
    ['no words', { kind: 'command', command: [] }],
    ['no time', { kind: 'tcp', port: 80, intervalSeconds: 0 }],
    ['no end', { kind: 'tcp', port: 80, startPeriodSeconds: 1e9 }],
    ['no tries', { kind: 'tcp', port: 80, retries: 0 }],
    ['something else', { kind: 'tcp', port: 80, interval: 5 }],
  ])('refuses what has %s', (_what, written) => {
    expect(healthCheckSchema.safeParse(written).success).toBe(false);
  });

  it.each([undefined, '', '{', 'null', '{"kind":"http"}'])('a label of %j holds none', (label) => {
    expect(parseStoredHealth(label)).toBeNull();
  });
});

describe('chooseCheck', () => {
  const timing = { intervalMs: 1, timeoutMs: 2, startPeriodMs: 3, retries: 4 };
  const shell = ['/bin/bash', '-c'];
  const of = (Test: readonly string[], more = {}) => ({ healthcheck: { Test, ...more }, shell });
  const engine = { intervalMs: 30_000, timeoutMs: 30_000, startPeriodMs: 0, retries: 3 };

  it("the deployment's own goes before that of the image", () => {
    const http = { kind: 'http', port: 80, path: '/', ...timing } as const;
    expect(chooseCheck(of(['CMD', '/check']), http)).toBe(http);
  });
  it.each([
    [of(['CMD', '/check', 'a']), { kind: 'exec', command: ['/check', 'a'], ...engine }],
    [of(['CMD-SHELL', 'check a']), { kind: 'exec', command: ['/bin/bash', '-c', 'check a'], ...engine }],
    [of(['NONE']), null],
    [of([]), null],
    [{ healthcheck: null, shell }, null],
    [
      of(['CMD', '/check'], { Interval: 2e9, Timeout: 3e9, StartPeriod: 4e9, Retries: 5 }),
      {
        kind: 'exec',
        command: ['/check'],
        intervalMs: 2000,
        timeoutMs: 3000,
        startPeriodMs: 4000,
        retries: 5,
      },
    ],
  ])('else that of the container: %j', (view, check) => {
    expect(chooseCheck(view, null)).toEqual(check);
  });
  it('a command of the deployment has become that of the container', () => {
    const command = { kind: 'command', command: 'x', ...timing } as const;
    expect(chooseCheck(of(['CMD-SHELL', 'x']), command)).toMatchObject({ kind: 'exec' });
  });
  it('has so long to become healthy', () => {
    expect(judgementLimitMs(timing)).toBe(3 + 4 * 1 + 2);
  });
});
