// SPDX-License-Identifier: Apache-2.0
import { OCI_CONFIG, OCI_INDEX, OCI_MANIFEST } from '@local-datastore/shared/oci/media-types';
import { expect, it } from 'vitest';
import type { ManifestRecord, RepositoryRecord } from '../blobs/repository-record.ts';
import { countUntagged, describeTag, summarizeRepository, visibleTags } from './describe-repository.ts';

const EARLY = '2026-01-01T00:00:00.000Z';
const LATE = '2026-02-01T00:00:00.000Z';
const blobs = (...names: string[]) => names.map((digest) => ({ digest, sizeBytes: digest.length }));
const manifest = (more: Partial<ManifestRecord> = {}): ManifestRecord => ({
  ...{
    mediaType: OCI_MANIFEST,
    sizeBytes: 100,
    at: EARLY,
    blobs: [],
    children: [],
    artifactType: OCI_CONFIG,
  },
  ...more,
});

/** One image under two names, an index of it and of one that is not here, an artifact, and what has no tag. */
const RECORD: RepositoryRecord = {
  ...{ name: 'lab/app', created: EARLY },
  tags: new Map([
    ['one', { digest: 'a', at: EARLY, by: 'user:alice' }],
    ['both', { digest: 'i', at: LATE, isReleased: true as const }],
    ['chart', { digest: 'c', at: EARLY }],
    ['A', { digest: 'a', at: EARLY }],
  ]),
  manifests: new Map([
    ['a', manifest({ blobs: blobs('base', 'layer-a') })],
    ['i', manifest({ mediaType: OCI_INDEX, artifactType: undefined, children: ['a', 'b', 'gone', 'a'] })],
    ['b', manifest({ blobs: blobs('base', 'layer-bb') })],
    ['c', manifest({ blobs: blobs('chart'), artifactType: 'application/vnd.lab.chart' })],
    ['signature', manifest({ subject: 'a', blobs: blobs('s') })],
    ['old', manifest({ blobs: blobs('old') })],
    ['of-old', manifest({ subject: 'old' })],
  ]),
  versions: [
    { tag: 'one', digest: 'old', at: EARLY },
    { tag: 'both', digest: 'i', at: LATE },
    { tag: 'one', digest: 'a', at: LATE },
  ],
};
const KNOWN = { record: RECORD, origin: { kind: 'pushed' } } as const;
const whole = { isWhole: true, hasTag: () => false };
const only = (...tags: string[]) => ({ isWhole: false, hasTag: (tag: string) => tags.includes(tag) });

it.each([
  ['all', whole, 4, 700 + 4 + 7 + 8 + 5 + 1 + 3, LATE],
  ['one image', only('one'), 1, 100 + 4 + 7, EARLY],
  ['an index', only('both'), 1, 300 + 4 + 7 + 8, LATE],
  ['two names of one', only('one', 'A'), 2, 100 + 4 + 7, EARLY],
  ['nothing', only('absent'), 0, 0, EARLY],
])('sums up what a caller may see: %s', (_title, sight, tagCount, sizeBytes, updated) => {
  expect(summarizeRepository(KNOWN, sight)).toEqual({
    ...{ name: 'lab/app', kind: 'pushed', tagCount, sizeBytes, updated },
  });
});

it('lists tags in the order of code units', () => {
  expect(visibleTags(RECORD, whole)).toEqual(['A', 'both', 'chart', 'one']);
  expect(visibleTags(RECORD, only('one', 'A', 'absent'))).toEqual(['A', 'one']);
});

it.each([
  ['one', { kind: 'image', sizeBytes: 111, artifactType: null, by: 'user:alice', isComplete: true }],
  ['both', { kind: 'index', sizeBytes: 319, artifactType: null, isReleased: true, isComplete: false }],
  ['chart', { kind: 'artifact', sizeBytes: 105, artifactType: 'application/vnd.lab.chart', by: null }],
])('describes the tag %s', (tag, expected) => {
  const described = describeTag(RECORD, tag, ['linux/amd64'], () => true);
  expect(described).toMatchObject({ tag, platforms: ['linux/amd64'], ...expected });
});

it('numbers the versions of a tag', () => {
  expect(describeTag(RECORD, 'one', [], () => true)?.versions).toEqual([
    { number: 1, digest: 'old', at: EARLY },
    { number: 2, digest: 'a', at: LATE },
  ]);
});

it('says that an image is not complete of which a blob is not here', () => {
  expect(describeTag(RECORD, 'one', [], (digest) => digest !== 'layer-a')?.isComplete).toBe(false);
  expect(describeTag(RECORD, 'absent', [], () => true)).toBeUndefined();
});

it('counts what no tag leads to, and not what is about something that has one', () => {
  expect(countUntagged(RECORD)).toBe(2);
  expect(countUntagged({ ...RECORD, tags: new Map() })).toBe(RECORD.manifests.size);
});
