// SPDX-License-Identifier: Apache-2.0
/** What a program that was killed had said of the images in a registry's store, and whether it is so. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import { openRegistry, type Registry } from '../../datastore-app/src/blobs/open-registry.ts';
import { createHasher } from '../../datastore-app/src/content/hasher.ts';
import { createSpace } from '../../datastore-app/src/content/space.ts';
import { silentLog } from '../../shared/src/log.ts';

/** By repository and tag: the manifest; null: none; undefined: a change was begun, and not answered. */
export type Acknowledged = Map<string, string | null | undefined>;

/** Takes over a line that such a program has printed. */
export function noteLine(acknowledged: Acknowledged, line: string): void {
  const [kind, name, tag, text] = JSON.parse(line) as [string, string, string, string | null];
  acknowledged.set(`${name} ${tag}`, kind === 'begun' ? undefined : text);
}

/** The store of a root, as a start finds it. No lease lasts. */
export async function openStore(root: string): Promise<Registry> {
  const space = createSpace(
    { freeBytes: async () => 1e12, usedBytes: () => 0 },
    { reserveBytes: 0, quotaBytes: undefined },
  );
  const registry = openRegistry(
    { log: silentLog, space, hash: createHasher().hash },
    { root, uploadExpiryMs: 60_000, trashMs: 0, untaggedMs: undefined, keptVersions: undefined, leaseMs: 0 },
  );
  await registry.start();
  return registry;
}

/** Whatever a tag leads to is there whole. */
async function expectWhole(registry: Registry, name: string, text: string): Promise<void> {
  for (const layer of JSON.parse(text) as string[]) {
    const digest = { algorithm: 'sha256', hex: createHash('sha256').update(layer).digest('hex') } as const;
    const blob = await registry.openBlob(name, digest);
    const [segment] = blob?.source.segments ?? [];
    if (segment?.kind !== 'file') throw new Error(`${layer} of ${name} is gone`);
    expect(readFileSync(segment.file.fd, 'utf8')).toBe(layer);
    blob?.source.close();
  }
}

async function expectTags(registry: Registry, acknowledged: Acknowledged): Promise<void> {
  for (const [key, expected] of acknowledged) {
    const [name = '', tag = ''] = key.split(' ');
    const found = (await registry.readManifest(name, { tag }))?.bytes.toString() ?? null;
    if (expected !== undefined) expect([key, found]).toEqual([key, expected]);
    if (found !== null) await expectWhole(registry, name, found);
  }
}

/** All that was acknowledged is there, before a collection and after it. */
export async function expectAcknowledged(root: string, acknowledged: Acknowledged): Promise<void> {
  const registry = await openStore(root);
  await expectTags(registry, acknowledged);
  expect(registry.state()).toMatchObject({ damaged: 0, unreadable: [], troubles: [] });
  await registry.collection.run();
  await registry.collection.emptyTrash();
  await expectTags(registry, acknowledged);
  expect(registry.state().trashed).toBe(0);
}
