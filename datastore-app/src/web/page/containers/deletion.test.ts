import { describe, expect, it } from 'vitest';
import type { RepositoryDetails, Tag } from '../api/registry-answers.ts';
import { deletionSentences } from './deletion.ts';

const tagOf = (tag: string, digest: string): Tag => ({
  ...{ tag, digest: `sha256:${digest}`, mediaType: 'x', kind: 'image', sizeBytes: 1, platforms: [] },
  ...{ isReleased: false, isComplete: true },
});
const ONE = tagOf('1', 'aa');
const repositoryOf = (kind: RepositoryDetails['kind'], ...tags: Tag[]): RepositoryDetails => ({
  ...{ name: 'lab/app', kind, tagCount: tags.length, sizeBytes: 1, updated: null, tags },
});

describe('deletionSentences', () => {
  it.each([
    ['tag', 'the last one', [ONE, tagOf('2', 'bb')], /tag 1 goes.* stays without a tag/],
    ['tag', 'beside another', [ONE, tagOf('latest', 'aa')], /stays, as the tag latest\./],
    ['tag', 'beside two', [ONE, tagOf('a', 'aa'), tagOf('b', 'aa')], /stays, as the tags a, b\./],
    ['image', 'the last one', [ONE, tagOf('2', 'bb')], /goes with the tag 1: .* next collection/],
    ['image', 'beside another', [ONE, tagOf('latest', 'aa')], /goes with the tags 1, latest:/],
  ] as const)('%s: %s', (extent, _, tags, expected) => {
    expect(deletionSentences(repositoryOf('pushed', ...tags), ONE, extent).join(' ')).toMatch(expected);
  });

  it('says that what is imported comes back', () => {
    expect(deletionSentences(repositoryOf('upstream', ONE), ONE, 'tag').at(-1)).toMatch(/imported again/);
  });
});
