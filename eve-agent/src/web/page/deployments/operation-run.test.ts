// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import type { OperationLine } from '../api/answers.ts';
import { beginRun, withFailure, withLine, withSent } from './operation-run.ts';

describe('a load', () => {
  const sending = withSent(beginRun('load', 100), 40);

  it('shows how much has gone, whatever the agent says meanwhile', () => {
    const told = withLine(withLine(sending, { event: 'begun' }), { event: 'received', receivedBytes: 30 });
    expect(told).toMatchObject({ text: 'The archive is being sent', sent: { bytes: 40, ofBytes: 100 } });
  });

  it('is with the agent when all has gone', () => {
    const sent = withSent(sending, 100);
    expect([sent.sent, sent.text]).toEqual([
      undefined,
      'The archive is sent; the agent checks it and starts it',
    ]);
    expect(withSent(sent, 100)).toBe(sent);
  });
});

it.each<[OperationLine, string, string]>([
  [{ event: 'begun' }, 'running', 'It is being done'],
  [{ event: 'received', receivedBytes: 2048 }, 'running', '2 KiB have come'],
  [{ event: 'loaded', image: 'web:2', sizeBytes: 1024 }, 'running', 'web:2 is loaded, 1 KiB'],
  [{ event: 'step', step: 'start candidate' }, 'running', 'start candidate'],
  [
    { event: 'done', state: 'running', image: 'web:2', generation: 3, gapMs: 12, removed: [] },
    'done',
    'It is running, version 3, nobody answered for 12 ms',
  ],
  [
    { event: 'done', state: 'stopped', image: null, generation: null, gapMs: null, removed: ['a', 'b'] },
    'done',
    'It is stopped, 2 versions removed',
  ],
  [{ event: 'failed', detail: 'it ended with 1' }, 'failed', 'it ended with 1'],
  [{ event: 'failed', detail: 'no', serving: 'web:1' }, 'failed', 'no – web:1 serves on'],
  [
    { event: 'failed', serving: null },
    'failed',
    'It failed, and the agent did not say why – nothing serves now',
  ],
])('after %j is %s: %j', (line, state, text) => {
  expect(withLine(beginRun('restart'), line)).toMatchObject({ state, text });
});

it('keeps the last lines of what failed', () => {
  const failed = withLine(beginRun('start'), { event: 'failed', detail: 'no', logs: ['a', 'b'] });
  expect(failed.logs).toEqual(['a', 'b']);
});

it('passes over what an agent of another version tells', () => {
  const run = beginRun('start');
  expect(withLine(run, { event: 'dreamt' } as unknown as OperationLine)).toBe(run);
});

it('fails also without a word of the agent', () => {
  expect(withFailure(beginRun('load', 10), 'gone')).toMatchObject({
    state: 'failed',
    text: 'gone',
    sent: undefined,
  });
});
