// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import type { Repository } from '../api/registry-answers.ts';
import { firstOf, groupRepositories } from './repository-list.ts';

const repository = (name: string, rest: Partial<Repository> = {}): Repository => ({
  ...{ name, kind: 'pushed', tagCount: 1, sizeBytes: 1, updated: null },
  ...rest,
});

const ALL = [
  repository('lab/app10'),
  repository('lab/app9'),
  repository('hub/library/nginx', { kind: 'upstream', upstream: 'https://registry.example' }),
  repository('archives/linux/cam', { kind: 'archive', archive: 'linux/Cam.tar' }),
];

const namesOf = (groups: ReturnType<typeof groupRepositories>) =>
  groups.map(({ kind, repositories }) => [kind, ...repositories.map(({ name }) => name)]);

describe('groupRepositories', () => {
  it.each([
    [
      '',
      [
        ['pushed', 'lab/app9', 'lab/app10'],
        ['archive', 'archives/linux/cam'],
        ['upstream', 'hub/library/nginx'],
      ],
    ],
    ['LAB 10', [['pushed', 'lab/app10']]],
    ['linux/Cam.tar', [['archive', 'archives/linux/cam']]],
    ['registry.example', [['upstream', 'hub/library/nginx']]],
    ['absent', []],
  ])('finds %j', (search, expected) => {
    expect(namesOf(groupRepositories(ALL, search))).toEqual(expected);
  });
});

describe('firstOf', () => {
  it.each([
    [0, []],
    [1, [['pushed', 'lab/app9']]],
    [
      3,
      [
        ['pushed', 'lab/app9', 'lab/app10'],
        ['archive', 'archives/linux/cam'],
      ],
    ],
  ])('shows %d', (count, expected) => {
    expect(namesOf(firstOf(groupRepositories(ALL, ''), count))).toEqual(expected);
  });
});
