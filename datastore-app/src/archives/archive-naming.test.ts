// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { repositoriesOf, repositoryOfPath } from './archive-naming.ts';

describe('the repository of a path', () => {
  it.each([
    ['app.tar', 'archives/app'],
    ['linux/App.tar', 'archives/linux/app'],
    ['app.oci.tar', 'archives/app.oci'],
    ['app', 'archives/app'],
    ['lab/My image (2).tar', 'archives/lab/my-image-2'],
    ['a__b--c.d_e.tar', 'archives/a__b--c.d_e'],
    ['_a_.-b.tar', 'archives/a-b'],
    ['Größe.tar', 'archives/gr-e'],
    ['v1/v2.tar', 'archives/v1/v2'],
  ])('%s', (path, repository) => {
    expect(repositoryOfPath(path)).toEqual({ kind: 'named', repository });
  });

  it.each([
    ['映像.tar', 'Latin letter'],
    ['映像/app.tar', 'Latin letter'],
    [`${'a/'.repeat(10)}${'b'.repeat(240)}.tar`, 'too long'],
  ])('%s has none', (path, reason) => {
    expect(repositoryOfPath(path)).toEqual({ kind: 'unnamed', reason: expect.stringContaining(reason) });
  });
});

describe('the repositories of an archive', () => {
  const digest = (character: string) => ({ algorithm: 'sha256', hex: character.repeat(64) }) as const;
  const [A, B] = [digest('a'), digest('b')];
  const BASE = 'archives/x';
  const summary = (...images: Parameters<typeof repositoriesOf>[1]) =>
    Object.fromEntries(
      [...repositoriesOf(BASE, images)].map(([name, tags]) => [
        name.slice(BASE.length),
        Object.fromEntries([...tags].map(([tag, { hex }]) => [tag, hex[0]])),
      ]),
    );

  it.each<[string, Parameters<typeof repositoriesOf>[1], Record<string, Record<string, string>>]>([
    ['one name', [{ names: ['lab/app:1'], digest: A }], { '': { 1: 'a' } }],
    ['a name with a host', [{ names: ['localhost:5000/lab/app:1'], digest: A }], { '': { 1: 'a' } }],
    ['a name without a tag', [{ names: ['docker.io/lab/app'], digest: A }], { '': { latest: 'a' } }],
    ['a tag alone', [{ names: ['1.2'], digest: A }], { '': { '1.2': 'a' } }],
    ['no name', [{ names: [], digest: A }], { '': { latest: 'a' } }],
    ['a name with a digest', [{ names: [`app:1@sha256:${'a'.repeat(64)}`], digest: A }], { '': { 1: 'a' } }],
    ['several tags', [{ names: ['app:1', 'app:latest'], digest: A }], { '': { 1: 'a', latest: 'a' } }],
    [
      'two versions',
      [
        { names: ['app:1'], digest: A },
        { names: ['app:2'], digest: B },
      ],
      { '': { 1: 'a', 2: 'b' } },
    ],
    [
      'two names of one repository, in two spellings',
      [
        { names: ['docker.io/library/app:1', 'app:1'], digest: A },
        { names: ['app:2'], digest: B },
      ],
      { '': { 1: 'a', 2: 'b' } },
    ],
    [
      'two repositories with the same tag',
      [
        { names: ['lab/app:1'], digest: A },
        { names: ['lab/base:1'], digest: B },
      ],
      { '': {}, '/lab/app': { 1: 'a' }, '/lab/base': { 1: 'b' } },
    ],
    [
      'one without a name beside others',
      [
        { names: ['app:1'], digest: A },
        { names: [], digest: B },
      ],
      { '': { 1: 'a', latest: 'b' } },
    ],
    [
      'two of the same name: the first has it',
      [
        { names: ['app:1'], digest: A },
        { names: ['app:1'], digest: B },
      ],
      { '': { 1: 'a' } },
    ],
    ['a name that nobody can ask for', [{ names: ['App:1', 'app:?'], digest: A }], { '': { latest: 'a' } }],
  ])('%s', (_title, images, expected) => {
    expect(summary(...images)).toEqual(expected);
  });
});
