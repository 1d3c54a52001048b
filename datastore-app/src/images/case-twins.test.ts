// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it, test } from 'vitest';
import { createCaseIndex, describeCaseTwins, findCaseTwins } from './case-twins.ts';

describe('createCaseIndex', () => {
  function indexOf(...paths: string[]) {
    const here = new Set(paths);
    const index = createCaseIndex((path) => here.has(path));
    for (const path of paths) index.add(path);
    return {
      ...index,
      remove(path: string) {
        here.delete(path);
        index.delete(path);
      },
    };
  }

  it.each<[string, string[], string | undefined]>([
    ['a/app.raw', ['a/app.raw'], undefined],
    ['a/App.raw', ['a/app.raw'], 'a/app.raw'],
    ['a/app.raw', ['a/App.raw'], 'a/App.raw'],
    ['a/APP.raw', ['a/App.raw'], 'a/App.raw'],
    ['A/app.raw', ['a/app.raw'], 'a/app.raw'],
    ['A/other.raw', ['a/app.raw'], undefined],
    ['a/app', ['a/app.raw'], undefined],
    ['é.raw', ['É.raw'], 'É.raw'],
    // The same letters in another form look alike, which is told, and have the same case.
    ['e\u0301.raw', ['\u00e9.raw'], undefined],
    ['E\u0301.raw', ['\u00c9.raw'], undefined],
    ['E\u0301.raw', ['\u00e9.raw'], '\u00e9.raw'],
    // It was there before: what is there can be replaced.
    ['app', ['app', 'App'], undefined],
  ])('%s beside %j: %s', (path, there, twin) => {
    expect(indexOf(...there).twinOf(path)).toBe(twin);
  });

  it('forgets what is gone', () => {
    const index = indexOf('App', 'APP');
    expect(index.twinOf('app')).toBe('App');
    index.remove('App');
    expect(index.twinOf('app')).toBe('APP');
    index.remove('APP');
    index.remove('never');
    expect(index.twinOf('app')).toBeUndefined();
  });
});

it.each<[string[], [string, string][]]>([
  [['a', 'b'], []],
  [['a', 'B'], []],
  [
    ['a', 'A', 'b'],
    [
      ['A', 'a'],
      ['a', 'A'],
    ],
  ],
  [['\u00e9', 'e\u0301'], []],
])('findCaseTwins %j', (paths, twins) => {
  expect([...findCaseTwins(paths)]).toEqual(twins);
});

test('tells of those that are there, and of no more than a person reads', () => {
  expect(describeCaseTwins(['a.img', 'B.img'])).toBeUndefined();
  expect(describeCaseTwins(['x', 'a.img', 'A.img'])).toMatch(/^\/A\.img, \/a\.img: these names differ/);
  const many = Array.from({ length: 1000 }, (_, n) => [`a${n}`, `A${n}`]).flat();
  expect(describeCaseTwins(many)).toMatch(/^(?:\/[aA]\d+, ){4}\/[aA]\d+ and 1995 more: /);
});
