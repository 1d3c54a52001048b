/**
 * The registry's store is killed at random moments while images are pushed, moved, deleted and collected. Of other
 * registries it is reported that a collection takes what a push was told of (distribution #2881, quay #6318).
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { openRegistry, type Registry } from '../../datastore-app/src/blobs/open-registry.ts';
import { createHasher } from '../../datastore-app/src/content/hasher.ts';
import { createSpace } from '../../datastore-app/src/content/space.ts';
import { silentLog } from '../../shared/src/log.ts';
import { randomOfThisRun } from '../random.ts';

const KILLS = 8;
const PROGRAM = fileURLToPath(new URL('./programs/push-images.ts', import.meta.url));

/** By repository and tag: the manifest; null: none; undefined: a change was begun, and not answered. */
type Acknowledged = Map<string, string | null | undefined>;

async function open(root: string): Promise<Registry> {
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

async function expectAcknowledged(registry: Registry, acknowledged: Acknowledged): Promise<void> {
  for (const [key, expected] of acknowledged) {
    const [name = '', tag = ''] = key.split(' ');
    const found = (await registry.readManifest(name, { tag }))?.bytes.toString() ?? null;
    if (expected !== undefined) expect([key, found]).toEqual([key, expected]);
    if (found !== null) await expectWhole(registry, name, found);
  }
}

it('nothing that was acknowledged is lost', async () => {
  const random = randomOfThisRun('registry killed');
  const root = await realpath(await mkdtemp(join(tmpdir(), 'registry-killed-')));
  const acknowledged: Acknowledged = new Map();
  try {
    for (let kill = 0; kill < KILLS; kill += 1) {
      const child = spawn(process.execPath, [PROGRAM, root], { stdio: ['ignore', 'pipe', 'inherit'] });
      const lines = createInterface({ input: child.stdout });
      const killAfter = random.integer(20, 200);
      let changes = 0;
      for await (const line of lines) {
        const [kind, name, tag, text] = JSON.parse(line) as [string, string, string, string | null];
        acknowledged.set(`${name} ${tag}`, kind === 'begun' ? undefined : text);
        changes += 1;
        if (changes === killAfter) child.kill('SIGKILL');
      }
      expect(changes).toBeGreaterThanOrEqual(killAfter);
      const registry = await open(root);
      await expectAcknowledged(registry, acknowledged);
      expect(registry.state()).toMatchObject({ damaged: 0, unreadable: [], troubles: [] });
      await registry.collection.run();
      await registry.collection.emptyTrash();
      await expectAcknowledged(registry, acknowledged);
      expect(registry.state().trashed).toBe(0);
    }
    expect(acknowledged.size).toBeGreaterThan(6);
  } finally {
    await rm(root, { recursive: true });
  }
});
