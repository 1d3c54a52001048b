// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { createInTurn } from '../content/in-turn.ts';
import { createCaseIndex } from './case-twins.ts';
import { createNames } from './names.ts';

function namesBeside(listed: readonly string[], gone: readonly string[] = []) {
  const index = createCaseIndex((path) => listed.includes(path));
  for (const path of listed) index.add(path);
  return createNames({
    inTurn: createInTurn(),
    caseTwinOf: index.twinOf,
    isThere: async (path) => !gone.includes(path),
  });
}

it.each<[string, string[], string[], string[], string | undefined]>([
  ['a free name', ['a'], ['b'], [], undefined],
  ['its own name', ['App'], ['App'], [], undefined],
  ['another’s but for case', ['App'], ['app'], [], '"app" differs from "App"'],
  ['that of one that has just gone', ['App'], ['app'], ['App'], undefined],
  ['two that are the same but for case', [], ['x', 'a/B', 'a/b'], [], '"a/B" and "a/b" differ'],
  ['one of several', ['a/b'], ['x', 'A/b'], [], '"A/b" differs from "a/b"'],
])('%s', async (_title, listed, paths, gone, why) => {
  const outcome = namesBeside(listed, gone).require(paths, {});
  if (why === undefined) await outcome;
  else {
    await expect(outcome).rejects.toMatchObject({
      code: 'NAME_CONFLICT',
      message: expect.stringContaining(why),
    });
  }
});

it('an image that leaves its name is in nobody’s way, nor is a name that cannot be another', async () => {
  const names = namesBeside(['App']);
  await names.require(['app'], { leaves: 'App' });
  await names.require(['app'], { isForeignName: true });
  await expect(names.require(['app'], { leaves: 'other' })).rejects.toMatchObject({ code: 'NAME_CONFLICT' });
});

it('names that are given count until they are listed', async () => {
  const names = namesBeside([]);
  const listing = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  const first = names.give(
    ['App'],
    {},
    {
      give: async () => 'given',
      list() {
        begun.resolve();
        return listing.promise;
      },
    },
  );
  await begun.promise;
  const work = { give: async () => 'second', list: async () => {} };
  await expect(names.give(['app'], {}, work)).rejects.toMatchObject({ details: { twin: 'App' } });
  expect(await names.give(['App'], {}, work)).toBe('second');
  listing.resolve();
  expect(await first).toBe('given');
  expect(await names.give(['app'], {}, work)).toBe('second');
});

it('what could not be given is in nobody’s way', async () => {
  const names = namesBeside([]);
  const give = async () => {
    throw new RangeError('no');
  };
  await expect(names.give(['App'], {}, { give, list: async () => {} })).rejects.toThrow(RangeError);
  await names.require(['app'], {});
});
