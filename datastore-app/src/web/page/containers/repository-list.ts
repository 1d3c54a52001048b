// SPDX-License-Identifier: Apache-2.0
import type { Repository } from '../api/registry-answers.ts';

export interface RepositoryGroup {
  readonly kind: Repository['kind'];
  readonly title: string;
  readonly repositories: readonly Repository[];
}

const GROUPS: readonly { readonly kind: Repository['kind']; readonly title: string }[] = [
  { kind: 'pushed', title: 'Pushed' },
  { kind: 'archive', title: 'Archives among the images' },
  { kind: 'upstream', title: 'From upstream' },
];

const NAMES = new Intl.Collator('en', { numeric: true, sensitivity: 'base' });

/** Those that hold every word of the search in name, archive or upstream, by kind and name; no group is empty. */
export function groupRepositories(repositories: readonly Repository[], search: string): RepositoryGroup[] {
  const words = search
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '');
  const found = repositories
    .filter(({ name, archive = '', upstream = '' }) => {
      const text = `${name} ${archive} ${upstream}`.toLowerCase();
      return words.every((word) => text.includes(word));
    })
    .sort((left, right) => NAMES.compare(left.name, right.name));
  return GROUPS.map((group) => ({
    ...group,
    repositories: found.filter(({ kind }) => kind === group.kind),
  })).filter((group) => group.repositories.length > 0);
}

/** The first so many of all groups together. */
export function firstOf(groups: readonly RepositoryGroup[], count: number): RepositoryGroup[] {
  let left = count;
  const first: RepositoryGroup[] = [];
  for (const group of groups) {
    const repositories = group.repositories.slice(0, left);
    left -= repositories.length;
    if (repositories.length > 0) first.push({ ...group, repositories });
  }
  return first;
}
