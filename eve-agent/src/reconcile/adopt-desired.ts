// SPDX-License-Identifier: Apache-2.0
import { type Actual, createContent } from './actual.ts';
import type { Desired, DesiredContent } from './desired.ts';

export interface AdoptionFacts {
  /** Of the clock of the waits. */
  readonly nowMs: number;
  /** Milliseconds since the epoch. */
  readonly wallMs: number;
}

function isUnchanged({ parts }: DesiredContent, before: Desired): boolean {
  return parts.every(({ tree: { uuid, tree } }) => {
    const earlier = before.trees.get(uuid)?.tree;
    return earlier === tree || JSON.stringify(earlier) === JSON.stringify(tree);
  });
}

const sourcesOf = ({ trees }: Desired) => [...trees.values()].flatMap(({ sources }) => sources);

/** A new credential, certificate or file may be just what a datastore that failed was waiting for. */
function wakeChangedOrigins(actual: Actual, before: Desired, desired: Desired): void {
  const known = new Set(sourcesOf(before).map(({ key }) => key));
  for (const { key, originKey } of sourcesOf(desired)) {
    const origin = actual.origins.get(originKey);
    if (origin !== undefined && !known.has(key)) origin.waitUntilMs = 0;
  }
}

/**
 * Fits what is known to a new configuration: new content is known from now on, content that is no longer
 * wanted begins its grace time, and what waited for a change is free again where something changed.
 *
 * @returns the content that may come from each origin
 */
export function adoptDesired(
  actual: Actual,
  before: Desired,
  desired: Desired,
  { nowMs, wallMs }: AdoptionFacts,
): Map<string, Set<string>> {
  const contentOfOrigin = new Map<string, Set<string>>();
  for (const wanted of desired.contents.values()) {
    const { sha256, parts } = wanted;
    const content = actual.contents.get(sha256) ?? createContent(sha256, wallMs);
    if (!actual.contents.has(sha256)) content.waitingSinceMs = nowMs;
    actual.contents.set(sha256, content);
    content.unreferencedAtMs = null;
    content.lastUseMs = wallMs;
    const sources = parts.flatMap((part) => part.sources);
    const keys = new Set(sources.map(({ key }) => key));
    const isSame = isUnchanged(wanted, before);
    for (const key of [...content.sources.keys()]) {
      if (!isSame || !keys.has(key)) content.sources.delete(key);
    }
    if (content.sources.size === 0) content.failure = null;
    for (const { originKey } of sources) {
      const known = contentOfOrigin.get(originKey) ?? new Set();
      contentOfOrigin.set(originKey, known.add(sha256));
    }
  }
  for (const content of actual.contents.values()) {
    if (desired.contents.has(content.sha256) || content.unreferencedAtMs !== null) continue;
    content.unreferencedAtMs = nowMs;
    content.lastUseMs = wallMs;
  }
  for (const origin of [...actual.origins.keys()]) {
    if (!contentOfOrigin.has(origin)) actual.origins.delete(origin);
  }
  wakeChangedOrigins(actual, before, desired);
  const images = new Set([...desired.trees.values()].flatMap(({ image }) => image?.key ?? []));
  for (const key of [...actual.resolutions.keys()]) {
    if (!images.has(key)) actual.resolutions.delete(key);
  }
  for (const uuid of [...actual.holds.keys()]) {
    if (!desired.trees.has(uuid)) actual.holds.delete(uuid);
  }
  const names = new Set([...desired.trees.values()].map(({ name }) => name));
  for (const name of [...actual.linkFailures.keys()]) {
    if (!names.has(name)) actual.linkFailures.delete(name);
  }
  return contentOfOrigin;
}
