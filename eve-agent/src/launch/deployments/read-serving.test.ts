// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { readServing } from './read-serving.ts';

const { signal } = new AbortController();

it('a deployment serves where the container of its plain name runs', async () => {
  const asked: string[] = [];
  const client = {
    async ask(method: string, path: string) {
      asked.push(`${method} ${path}`);
      return [{ Names: ['/ed_web'], State: 'running' }, { Names: ['/ed_api.try', '/x'] }, { Names: null }];
    },
  };
  expect([...(await readServing(client, 'ed_', ['web', 'api', 'x'], signal))]).toEqual([
    ['web', true],
    ['api', false],
    ['x', false],
  ]);
  expect(asked).toEqual(['GET /containers/json']);
});

it('what is no list is no answer', async () => {
  await expect(readServing({ ask: async () => ({}) }, 'ed_', ['web'], signal)).rejects.toThrow(
    'expected array',
  );
});
