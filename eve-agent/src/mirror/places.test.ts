// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { type AnyChoice, mayAskOthers, namedPlace, otherPlaces } from './places.ts';

const DIGEST = { digest: { algorithm: 'sha256', hex: 'a'.repeat(64) } } as const;

it.each<[AnyChoice, boolean, boolean, boolean]>([
  ['nothing', false, false, false],
  ['digests', true, false, false],
  ['tags', true, true, false],
])('with --any %s', (choice, byDigest, foreignTag, namedTag) => {
  for (const isNamed of [true, false]) expect(mayAskOthers(choice, DIGEST, isNamed)).toBe(byDigest);
  expect(mayAskOthers(choice, { tag: '1' }, false)).toBe(foreignTag);
  expect(mayAskOthers(choice, { tag: '1' }, true)).toBe(namedTag);
});

it('asks a datastore by its name, and others by what is meant', () => {
  const name = { host: 'ds.local:8080', repository: 'group/app' };
  const named = namedPlace(name, false);
  expect(named).toEqual({
    ...{ registry: new URL('http://ds.local:8080/'), repository: 'group/app', namespace: null },
  });
  expect(namedPlace(name, true)?.registry.href).toBe('https://ds.local:8080/');
  expect(namedPlace({ host: 'docker.io', repository: 'library/nginx' }, false)).toBeNull();
  const others = [new URL('http://ds.local:8080/'), new URL('http://b.local/')];
  expect(otherPlaces(name, others, named)).toEqual([
    { registry: new URL('http://b.local/'), repository: 'group/app', namespace: 'ds.local:8080' },
  ]);
});
