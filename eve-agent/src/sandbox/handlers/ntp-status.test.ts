// SPDX-License-Identifier: Apache-2.0
import { silentLog } from '@local-datastore/shared/log';
import { beforeEach, describe, expect, it } from 'vitest';
import type { CorrectionAnswer } from '../keys/ntp-keys.ts';
import { parseKeyPath } from '../store/key-path.ts';
import { createKeyStore, type KeyStore } from '../store/key-store.ts';
import { type NtpKnowledge, readNtpStatus } from './ntp-status.ts';

const answerOf = (fields: Partial<CorrectionAnswer>): CorrectionAnswer => ({
  ...{ sequence: 1, kind: 'slewing', byMs: 0, frequencyPpm: 12.5, atMs: 0, reason: '-' },
  ...fields,
});
let store: KeyStore;
beforeEach(() => {
  store = createKeyStore({ audit: { append: () => {} }, log: silentLog });
});
const write = (path: string, text: string) =>
  store.write('ntp', parseKeyPath(`/ntp/${path}`), Buffer.from(text, 'latin1'));
const read = (knowledge: Partial<NtpKnowledge> = {}) =>
  readNtpStatus(store, ['ntp'], {
    ...{
      names: ['10.0.0.5', 'ds.local'],
      answer: answerOf({}),
      watchedSince: null,
      steps: 0,
      lastStep: null,
    },
    ...knowledge,
  });

it('is what the client shows of itself', () => {
  write('state', 'synchronized');
  write('peer', '002');
  write('stratum', '5');
  write('offset', '3 -2.5 12.0 0.1 1000.0 5.0');
  write('server/002/address', '10.0.0.9');
  for (const [key, value] of [
    ...[
      ['role', 'system-peer'],
      ['trouble', ''],
      ['stratum', '4'],
      ['reach', '00000101'],
      ['offset', '-3.0'],
    ],
    ...[
      ['delay', '0.2'],
      ['jitter', '0.1'],
      ['distance', '12.0'],
      ['dropped', '0'],
    ],
  ] as const) {
    write(`source/002/${key}`, value);
  }
  write('source/001/trouble', 'kiss-DENY');
  write('source/001/reach', '00000000');
  expect(read({ steps: 1, lastStep: { unixMs: Date.UTC(2026, 0, 1), byMs: 7000 } })).toEqual({
    ...{ state: 'synchronized', watchedSince: null, refusal: null, offsetMs: -2.5, errorMs: 12, stratum: 5 },
    ...{ server: 'ds.local', frequencyPpm: 12.5, steps: 1 },
    lastStep: { at: '2026-01-01T00:00:00.000Z', byMs: 7000 },
    servers: [
      {
        ...{ name: '10.0.0.5', address: null, role: 'unusable', trouble: 'kiss-DENY', stratum: null },
        ...{ isReached: false, offsetMs: null, delayMs: null, jitterMs: null, distanceMs: null },
      },
      {
        ...{ name: 'ds.local', address: '10.0.0.9', role: 'system-peer', trouble: null, stratum: 4 },
        ...{ isReached: true, offsetMs: -3, delayMs: 0.2, jitterMs: 0.1, distanceMs: 12 },
      },
    ],
  });
});

it.each<[string, string | null, Partial<CorrectionAnswer>, string, string | null]>([
  ['that says nothing yet', null, {}, 'starting', null],
  ['that is refused', 'refused', { kind: 'refused', reason: 'panic' }, 'refused', 'panic'],
  ['of a clock that is watched', 'refused', { kind: 'refused', reason: 'watched' }, 'watched', null],
  [
    'that measures where the clock is watched',
    'measuring',
    { kind: 'refused', reason: 'watched' },
    'measuring',
    null,
  ],
  ['that says what no client says', 'all is well', {}, 'starting', null],
])('a client %s', (_, state, answer, shown, refusal) => {
  if (state !== null) write('state', state);
  expect(read({ answer: answerOf(answer) })).toMatchObject({ state: shown, refusal });
});

it('says nothing of the frequency of a clock that is only watched', () => {
  expect(read({ watchedSince: 'no right' })).toMatchObject({ frequencyPpm: null, watchedSince: 'no right' });
});

describe('a client that was taken over', () => {
  it.each([
    ['peer', '017', { server: null }],
    ['peer', '../1', { server: null }],
    ['stratum', '16', { stratum: null }],
    ['stratum', '-1', { stratum: null }],
    ['stratum', '1e9', { stratum: null }],
    ['offset', '1 Infinity 0 0 0 0', { offsetMs: null, errorMs: null }],
    ['offset', 'x'.repeat(4000), { offsetMs: null, errorMs: null }],
  ])('is not believed %s "%s"', (key, value, expected) => {
    write(key, value);
    expect(read()).toMatchObject(expected);
  });

  it.each([
    ['role', 'king', { role: 'unusable' }],
    ['trouble', '\u001b[2J', { trouble: null }],
    ['trouble', 'x'.repeat(33), { trouble: null }],
    ['reach', '2', { isReached: false }],
    ['reach', '1'.repeat(9), { isReached: false }],
    ['stratum', 'NaN', { stratum: null }],
    ['offset', '1e400', { offsetMs: null }],
    ['delay', '0x10', { delayMs: null }],
    ['jitter', '', { jitterMs: null }],
    ['distance', '1'.repeat(16), { distanceMs: null }],
  ])('is not believed a %s of "%s"', (key, value, expected) => {
    write(`source/001/${key}`, value);
    expect(read().servers[0]).toMatchObject(expected);
  });
});

it('a step to a time that has no date is not told', () => {
  expect(read({ steps: 1, lastStep: { unixMs: 1e16, byMs: 1e16 } })).toMatchObject({
    steps: 1,
    lastStep: null,
  });
});
