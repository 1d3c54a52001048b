// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import type { AgentClient } from '../api/client.ts';
import { uuidOf } from '../reconcile/test-fixtures.ts';
import { findNamed, type NamedKind } from './named-things.ts';

const client: AgentClient = {
  ask: () => Promise.reject(new Error('not asked')),
  follow: () => {
    throw new Error('not followed');
  },
};
const { signal } = new AbortController();
const KIND: NamedKind = {
  noun: 'app',
  listedBy: 'eve-agent app list',
  list: () =>
    Promise.resolve([
      { id: uuidOf(1), name: 'web' },
      { id: uuidOf(2), name: 'twin' },
      { id: uuidOf(3), name: 'twin' },
    ]),
};
const find = (...words: string[]) => findNamed(client, KIND, words, signal);

it('takes a uuid as it is, a display name, and the beginning of one', async () => {
  expect(await find('web', uuidOf(9).toUpperCase(), 'w')).toEqual([uuidOf(1), uuidOf(9), uuidOf(1)]);
});

it('does not ask for a list where whole uuids are given', async () => {
  const kind = { ...KIND, list: () => Promise.reject(new Error('asked')) };
  expect(await findNamed(client, kind, [uuidOf(9)], signal)).toEqual([uuidOf(9)]);
});

it.each([
  ['x', 'there is no app "x": "eve-agent app list" lists them'],
  ['', 'there is no app ""'],
  ['../status', 'there is no app "../status"'],
  ['\u001b[2J', 'there is no app "\\027[2J"'],
  ['twin', `"twin" is not the only app of that name or beginning: ${uuidOf(2)} (twin), ${uuidOf(3)} (twin)`],
])('refuses %j', async (word, message) => {
  await expect(find(word)).rejects.toThrow(message);
});
