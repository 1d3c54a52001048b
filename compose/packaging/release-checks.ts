// SPDX-License-Identifier: Apache-2.0
import { readChangelog } from './changelog.ts';

/** What a release is judged by. */
export interface ReleaseFacts {
  /** That is to be released. */
  readonly version: string;
  /** Of what `package.json` of each folder says, by folder. */
  readonly versions: Readonly<Record<string, string>>;
  readonly changelog: string;
  readonly dockerfile: string;
  /** Paths that git would not find committed. */
  readonly uncommitted: readonly string[];
  readonly tags: readonly string[];
}

/** Of a release, by Semantic Versioning 2.0.0 without build metadata, which a Debian version cannot hold. */
const VERSION = /^\d+\.\d+\.\d+(?:-[\dA-Za-z.]+)?$/;

export const tagOf = (version: string) => `v${version}`;

/** What is told of a version; undefined: the changelog has no section of it. */
export function releaseNotes(changelog: string, version: string): string | undefined {
  const release = readChangelog(changelog).find(
    (each) => each.version === version && each.date !== undefined,
  );
  return release === undefined || release.notes === '' ? undefined : release.notes;
}

/** Why a version cannot be released from this tree, as sentences with what to do; none: it can. */
export function whyNoRelease(facts: ReleaseFacts): string[] {
  const { version, versions, changelog, dockerfile, uncommitted, tags } = facts;
  if (!VERSION.test(version)) return [`"${version}" is no version: one such as 1.2.0 or 1.2.0-rc.1 expected`];
  const problems = Object.entries(versions)
    .filter(([, found]) => found !== version)
    .map(([folder, found]) => `${folder}/package.json says ${found}: change it, and run npm install`);
  if (!dockerfile.includes(`org.opencontainers.image.version=${version} `)) {
    problems.push(`compose/Dockerfile has another version: set org.opencontainers.image.version=${version}`);
  }
  if (releaseNotes(changelog, version) === undefined) {
    problems.push(`CHANGELOG.md has no notes of it: write them below "## [${version}] - YYYY-MM-DD"`);
  }
  if (uncommitted.length > 0) problems.push(`not committed: ${uncommitted.join(', ')}`);
  if (tags.includes(tagOf(version)))
    problems.push(`the tag ${tagOf(version)} is there: take another version`);
  return problems;
}
