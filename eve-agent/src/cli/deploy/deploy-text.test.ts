// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { DeploymentView } from '../../launch/deployments/deployment-view.ts';
import { deploymentsTable, failureText, historyTable, resultText } from './deploy-text.ts';
import { createOperationView } from './operation-view.ts';
import { deploymentPath, openArchive, sortLoadArguments } from './run-operation.ts';

const VIEW: DeploymentView = {
  ...{ name: 'web', state: 'running', image: 'ed_web:1', health: 'healthy', generation: 3 },
  ...{ configDigest: null, startedAt: null, kept: [2, 1], wanted: 'running', operation: null, problem: null },
  drift: [],
};

describe('deploymentsTable', () => {
  it('has what is wrong, and what is being done, below its row', () => {
    const operation = { operation: 'load', since: '2026-11-29T20:00:00.000Z', by: 'CN=ci' };
    const absent = {
      image: '',
      generation: null,
      kept: [],
      health: 'unknown' as const,
      state: 'stopped' as const,
    };
    expect(
      deploymentsTable([
        { ...VIEW, operation },
        { ...VIEW, ...absent, name: 'db', problem: 'no such\nflag' },
        { ...VIEW, name: 'app', drift: ['args', 'health'] },
      ]),
    ).toBe(
      [
        'NAME  STATE    HEALTH   VERSION  KEPT  IMAGE',
        'web   running  healthy  3        2,1   ed_web:1',
        '    load since 2026-11-29T20:00:00.000Z, by CN=ci',
        'db    stopped  unknown  -        -     -',
        '    no such\\010flag',
        'app   running  healthy  3        2,1   ed_web:1',
        '    the configuration has other args, health by now: restart puts it in force',
        '',
      ].join('\n'),
    );
  });
  it('says so where there are none', () => expect(deploymentsTable([])).toBe('There are no deployments.\n'));
});

it('tells what came of an operation', () => {
  const result = {
    ...{ name: 'web', operation: 'load', state: 'running', generation: 2, image: 'ed_web:2' },
    ...{ configDigest: null, gapMs: 1234, durationMs: 5678, removed: ['ed_web.old-1'] },
    applied: ['args' as const],
  };
  expect(resultText(result)).toBe(
    'web: load done in 5.7 s; nobody answered for 1.2 s\nrunning, version 2, ed_web:2\n' +
      'a new version of the same image, by other args\nremoved ed_web.old-1\n',
  );
  const failed = { event: 'failed' as const, status: 422, detail: 'it exited with 3', logs: ['\x1b[31mno'] };
  expect(failureText({ ...failed, serving: 'ed_web:1' })).toBe(
    'it exited with 3\n    | \\027[31mno\ned_web:1 serves on',
  );
  expect(failureText({ ...failed, serving: null, logs: [] })).toBe('it exited with 3\nnothing serves');
});

it('tells what was done', () => {
  const entry = {
    ...{ time: '2026-11-29T20:00:00.000Z', operation: 'load', by: 'CN=ci', outcome: 'failed' as const },
    ...{ generation: null, image: null, durationMs: 900, gapMs: null, code: 'EXITED', why: 'it exited' },
  };
  expect(historyTable([entry]).split('\n')[1]).toBe(
    '2026-11-29T20:00:00.000Z  load       failed   -        0.9 s  CN=ci  it exited',
  );
});

describe('on a terminal', () => {
  const written = (isTTY: boolean) => {
    let text = '';
    let nowMs = 0;
    const view = createOperationView({ write: (part) => (text += part), isTTY }, 2048, () => nowMs);
    view.sent(0);
    nowMs = 100;
    view.sent(512);
    nowMs = 1000;
    view.sent(1024);
    view.line({ event: 'step', step: 'start candidate' });
    view.stop();
    return text;
  };
  it('how much was sent is written over, a few times a second', () => {
    expect(written(true)).toBe(
      '\r\x1b[Ksent 0 bytes of 2 KiB  0 bytes/s\r\x1b[Ksent 1 KiB of 2 KiB  1 KiB/s\r\x1b[Kstart candidate\n',
    );
  });
  it('elsewhere there are sentences alone', () => expect(written(false)).toBe('start candidate\n'));
});

describe('the arguments of load', () => {
  const folder = mkdtempSync(join(tmpdir(), 'deploy-'));
  const file = join(folder, 'web.tar');
  writeFileSync(file, 'archive');
  afterAll(() => rmSync(folder, { recursive: true }));

  it.each([
    [file, 'web', file, 'web'],
    ['web', file, file, 'web'],
    ['-', 'web', '-', 'web'],
    ['web', '-', '-', 'web'],
    ['gone.tar', 'web', 'gone.tar', 'web'],
  ])('%s %s', (first, second, archive, name) => {
    expect(sortLoadArguments(first, second)).toEqual({ file: archive, name });
  });

  it('are an archive that can be read', () => {
    const { body, sizeBytes } = openArchive(file);
    body.destroy();
    expect(sizeBytes).toBe(7);
    expect(() => openArchive(join(folder, 'gone.tar'))).toThrow(/gone\.tar cannot be read/);
    expect(() => openArchive(folder)).toThrow(/it is a folder/);
  });

  it('a name stays within its place in the path', () => {
    expect(deploymentPath('../a/b?c', 'stop')).toBe('/v1/deployments/..%2Fa%2Fb%3Fc/stop');
  });
});
