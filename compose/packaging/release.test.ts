// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { imageCommand } from './build-images.ts';
import { readChangelog } from './changelog.ts';
import { CHECKSUMS, writeChecksums } from './checksums.ts';
import { type ReleaseFacts, releaseNotes, whyNoRelease } from './release-checks.ts';

const CHANGELOG = `# Changelog
What this is.

## [Unreleased]
### Added
- What comes.

## [1.2.0] - 2026-02-03
### Fixed
- What was wrong.

## [1.1.0] - 2026-01-01
`;

describe('a changelog', () => {
  it('is read section by section', () => {
    expect(readChangelog(CHANGELOG)).toEqual([
      { version: 'Unreleased', date: undefined, notes: '### Added\n- What comes.' },
      { version: '1.2.0', date: '2026-02-03', notes: '### Fixed\n- What was wrong.' },
      { version: '1.1.0', date: '2026-01-01', notes: '' },
    ]);
  });

  it.each([
    ['a release', '1.2.0', '### Fixed\n- What was wrong.'],
    ['one of which nothing is told', '1.1.0', undefined],
    ['one that is not there', '2.0.0', undefined],
    ['what has no date', 'Unreleased', undefined],
  ])('has the notes of %s', (_, version, notes) => {
    expect(releaseNotes(CHANGELOG, version)).toBe(notes);
  });
});

describe('a release', () => {
  const GOOD: ReleaseFacts = {
    version: '1.2.0',
    versions: { '.': '1.2.0', shared: '1.2.0' },
    changelog: CHANGELOG,
    dockerfile: 'LABEL org.opencontainers.image.version=1.2.0 \\\n',
    uncommitted: [],
    tags: ['v1.1.0'],
  };

  it('can be made of a tree that is ready', () => {
    expect(whyNoRelease(GOOD)).toEqual([]);
  });

  it.each<[string, Partial<ReleaseFacts>, string]>([
    ['no version', { version: 'next' }, '"next" is no version'],
    ['build metadata', { version: '1.2.0+3' }, '"1.2.0+3" is no version'],
    ['another version of a program', { versions: { shared: '1.1.0' } }, 'shared/package.json says 1.1.0'],
    [
      'images of another version',
      { dockerfile: 'image.version=1.1.0 \\' },
      'compose/Dockerfile has another version',
    ],
    ['no notes', { changelog: '# Changelog\n' }, 'CHANGELOG.md has no notes of it'],
    ['changes that are not committed', { uncommitted: ['a.ts', 'b.ts'] }, 'not committed: a.ts, b.ts'],
    ['a tag that is there', { tags: ['v1.2.0'] }, 'the tag v1.2.0 is there'],
  ])('cannot be made of %s', (_, difference, problem) => {
    const problems = whyNoRelease({ ...GOOD, ...difference });
    expect(problems).toEqual([expect.stringContaining(problem)]);
  });

  it('tells all that is in the way at once', () => {
    expect(whyNoRelease({ ...GOOD, uncommitted: ['a.ts'], tags: ['v1.2.0'] })).toHaveLength(2);
  });
});

describe('the command that builds an image', () => {
  const words = imageCommand('eve-agent', {
    ...{ version: '1.2.0', revision: 'a'.repeat(40), target: '/out' },
    date: new Date('2026-02-03T04:05:06Z'),
  });
  const valuesOf = (option: string) => words.flatMap((word, i) => (words[i - 1] === option ? [word] : []));

  it('is for both architectures, into an archive', () => {
    expect(valuesOf('--platform')).toEqual(['linux/amd64,linux/arm64']);
    expect(valuesOf('--target')).toEqual(['eve-agent']);
    expect(valuesOf('--output')).toEqual([
      'type=oci,dest=/out/eve-agent-image-1.2.0.tar,rewrite-timestamp=true',
    ]);
  });

  it('gives everything the time of the sources, and adds nothing of this machine', () => {
    expect(valuesOf('--build-arg')).toEqual(['SOURCE_DATE_EPOCH=1770091506']);
    expect(words).toEqual(expect.arrayContaining(['--provenance=false', '--sbom=false']));
  });

  it('tells commit and time by labels and annotations', () => {
    expect(valuesOf('--label')).toEqual([
      `org.opencontainers.image.revision=${'a'.repeat(40)}`,
      'org.opencontainers.image.created=2026-02-03T04:05:06.000Z',
    ]);
    expect(valuesOf('--annotation')).toContain('index,manifest:org.opencontainers.image.version=1.2.0');
  });
});

it('checksums are those that sha256sum takes, of all files but themselves', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'checksums-'));
  try {
    for (const name of ['b', 'a']) await writeFile(join(folder, name), name);
    expect(await writeChecksums(folder)).toEqual(['a', 'b']);
    expect(await writeChecksums(folder)).toEqual(['a', 'b']);
    const checked = execFileSync('sha256sum', ['--check', '--strict', CHECKSUMS], { cwd: folder });
    expect(checked.toString()).toBe('a: OK\nb: OK\n');
  } finally {
    await rm(folder, { recursive: true });
  }
});
