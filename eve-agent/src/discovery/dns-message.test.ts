// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest';
import { encodeQuery, recordsOf } from './dns-message.ts';

const DS_LOCAL_A = '02647305' + '6c6f63616c00' + '0001';

test('a question for an address is the bytes of RFC 1035 §4.1', () => {
  const query = encodeQuery({ questions: [{ name: 'ds.local', type: 'A' }] });
  expect(query.toString('hex')).toBe(`000000000001000000000000${DS_LOCAL_A}0001`);
});

test('the QU bit stands on every question', () => {
  const query = encodeQuery({
    questions: [
      { name: 'ds.local', type: 'A' },
      { name: 'ds.local', type: 'A' },
    ],
    wantsUnicast: true,
  });
  expect(query.toString('hex')).toBe(`000000000002000000000000${DS_LOCAL_A}8001${DS_LOCAL_A}8001`);
});

test('known answers stand in the answer section', () => {
  const known = { name: '_http._tcp.local', type: 'PTR', ttl: 120, data: 'ds._http._tcp.local' } as const;
  const query = encodeQuery({
    questions: [{ name: '_http._tcp.local', type: 'PTR' }],
    knownAnswers: [known],
  });
  expect(query.subarray(4, 12).toString('hex')).toBe('0001000100000000');
});

test('the records of all sections come in the order of the message', () => {
  const record = (name: string) => ({ name, type: 'A', data: '10.1.0.5' }) as const;
  const message = { answers: [record('a')], authorities: [record('b')], additionals: [record('c')] };
  expect(recordsOf(message).map(({ name }) => name)).toEqual(['a', 'b', 'c']);
  expect(recordsOf({})).toEqual([]);
});
