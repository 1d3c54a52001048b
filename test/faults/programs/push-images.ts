// SPDX-License-Identifier: Apache-2.0
/**
 * Four push images into the store of a registry, move tags and delete, while it is collected without a pause:
 * `push-images.ts ROOT`. Prints a JSON line before each change of a tag, and one once it was acknowledged.
 */
import { createHash, randomInt } from 'node:crypto';
import { writeSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { openRegistry } from '../../../datastore-app/src/blobs/open-registry.ts';
import { createHasher } from '../../../datastore-app/src/content/hasher.ts';
import { createSpace } from '../../../datastore-app/src/content/space.ts';
import { silentLog } from '../../../shared/src/log.ts';

const root = process.argv[2] ?? '';
const PUSHERS = 4;
/** Short, so that there is much to collect. */
const LEASE_MS = 2000;

const space = createSpace(
  { freeBytes: async () => 1e12, usedBytes: () => 0 },
  { reserveBytes: 0, quotaBytes: undefined },
);
const registry = openRegistry(
  { log: silentLog, space, hash: createHasher().hash },
  { root, uploadExpiryMs: 60_000, trashMs: 0, untaggedMs: 0, keptVersions: undefined, leaseMs: LEASE_MS },
);
await registry.start();

const say = (...line: unknown[]) => void writeSync(1, `${JSON.stringify(line)}\n`);
const digestOf = (text: string) => ({
  algorithm: 'sha256' as const,
  hex: createHash('sha256').update(text).digest('hex'),
});

async function push(name: string, text: string): Promise<void> {
  const digest = digestOf(text);
  if ((await registry.statBlob(name, digest, { isForPush: true })) !== undefined) return;
  const { id } = await registry.createUpload(name);
  async function* content() {
    yield Buffer.from(text);
  }
  await registry.appendUpload(name, id, 0, content());
  await registry.finishUpload(name, id, digest);
}

async function change(name: string): Promise<void> {
  const tag = `t${randomInt(3)}`;
  const layers = [`common ${randomInt(5)}`, `of ${name} ${randomInt(20)}`];
  const text = JSON.stringify(layers);
  say('begun', name, tag);
  if (randomInt(4) === 0) {
    await registry.deleteTag(name, tag);
    say('done', name, tag, null);
    return;
  }
  for (const layer of layers) await push(name, layer);
  const blobs = layers.map((layer) => ({ digest: digestOf(layer), sizeBytes: Buffer.byteLength(layer) }));
  const manifest = { bytes: Buffer.from(text), mediaType: 'x', digest: digestOf(text), children: [] };
  try {
    await registry.putManifest(name, { ...manifest, blobs, tags: [tag] });
    say('done', name, tag, text);
  } catch (error) {
    // A busy machine, and a lease that ended: the client would push again.
    if (!(error instanceof Error && 'code' in error && error.code === 'MANIFEST_BLOB_UNKNOWN')) throw error;
  }
}

async function collect(): Promise<never> {
  for (;;) {
    await registry.collection.run();
    await registry.collection.emptyTrash();
    await nextTurn();
  }
}

async function pushOn(name: string): Promise<never> {
  for (;;) await change(name);
}

await Promise.all([collect(), ...Array.from({ length: PUSHERS }, (_, index) => pushOn(`p/${index}`))]);
