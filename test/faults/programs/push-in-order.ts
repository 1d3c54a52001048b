// SPDX-License-Identifier: Apache-2.0
/**
 * Pushes images into the store of a registry, moves tags, mounts, deletes, collects, and has back what is in the trash,
 * one after another and each time the same: `push-in-order.ts ROOT`. Prints a JSON line before each change of a tag, and
 * one once it was acknowledged.
 */
import { createHash } from 'node:crypto';
import { writeSync } from 'node:fs';
import { openRegistry } from '../../../datastore-app/src/blobs/open-registry.ts';
import { createHasher } from '../../../datastore-app/src/content/hasher.ts';
import { createSpace } from '../../../datastore-app/src/content/space.ts';
import { silentLog } from '../../../shared/src/log.ts';

const root = process.argv[2] ?? '';
const hasher = createHasher();
const space = createSpace(
  { freeBytes: async () => 1e12, usedBytes: () => 0 },
  { reserveBytes: 0, quotaBytes: undefined },
);
const registry = openRegistry(
  { log: silentLog, space, hash: hasher.hash },
  { root, uploadExpiryMs: 60_000, trashMs: 0, untaggedMs: 0, keptVersions: undefined, leaseMs: 0 },
);
await registry.start();

const say = (...line: unknown[]) => void writeSync(1, `${JSON.stringify(line)}\n`);
const digestOf = (text: string) => ({
  algorithm: 'sha256' as const,
  hex: createHash('sha256').update(text).digest('hex'),
});

async function pushLayer(name: string, text: string, from: string | undefined): Promise<void> {
  const digest = digestOf(text);
  if ((await registry.statBlob(name, digest, { isForPush: true })) !== undefined) return;
  if (from !== undefined && (await registry.mountBlob(digest, { from, to: name, mayPull: () => true })))
    return;
  const { id } = await registry.createUpload(name);
  async function* content() {
    yield Buffer.from(text);
  }
  await registry.appendUpload(name, id, 0, content());
  await registry.finishUpload(name, id, digest);
}

async function push(name: string, tag: string, layers: readonly string[], from?: string): Promise<void> {
  const text = JSON.stringify(layers);
  say('begun', name, tag);
  for (const layer of layers) await pushLayer(name, layer, from);
  const blobs = layers.map((layer) => ({ digest: digestOf(layer), sizeBytes: Buffer.byteLength(layer) }));
  const manifest = { bytes: Buffer.from(text), mediaType: 'x', digest: digestOf(text), children: [] };
  await registry.putManifest(name, { ...manifest, blobs, tags: [tag] });
  say('done', name, tag, text);
}

async function untag(name: string, tag: string): Promise<void> {
  say('begun', name, tag);
  await registry.deleteTag(name, tag);
  say('done', name, tag, null);
}

await push('p/a', 'one', ['common', 'first']);
await push('p/a', 'latest', ['common', 'second']);
await push('p/b', 'one', ['common'], 'p/a');
await push('p/a', 'latest', ['third']);
await untag('p/a', 'one');
await registry.collection.run();
// Of what is in the trash one comes back by a mount of what is known, one by a push.
await push('p/a', 'one', ['first', 'second']);
await push('p/b', 'two', ['second'], 'p/a');
await registry.collection.run();
await untag('p/b', 'one');
await registry.collection.run();
await registry.collection.emptyTrash();
await push('p/c/d', 'last', ['fourth']);
await hasher.stop();
