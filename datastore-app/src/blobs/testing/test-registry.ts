// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '@local-datastore/shared/log';
import type { OciAlgorithm, OciDigest } from '@local-datastore/shared/oci/digest';
import { createSourceReader } from '../../content/byte-source.ts';
import { createHasher } from '../../content/hasher.ts';
import { createSpace } from '../../content/space.ts';
import { createBlobReads } from '../blob-reads.ts';
import { openRegistry, type Registry, type RegistryOptions } from '../open-registry.ts';
import type { BlobInfo, NewManifest } from '../registry-store.ts';

export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;

export async function* pieces(...texts: string[]) {
  for (const each of texts) yield Buffer.from(each);
}
export const digestOf = (content: string, algorithm: OciAlgorithm = 'sha256'): OciDigest => ({
  algorithm,
  hex: createHash(algorithm).update(content).digest('hex'),
});
export const blobOf = (content: string): BlobInfo => ({
  digest: digestOf(content),
  sizeBytes: Buffer.byteLength(content),
});
/** The text stands for a manifest: the store does not read it. */
export const manifestOf = (content: string, blobs: readonly BlobInfo[]): NewManifest => ({
  ...{ bytes: Buffer.from(content), mediaType: 'application/x', digest: digestOf(content) },
  ...{ blobs, children: [], tags: [] },
});

/** A registry over a folder, whose clocks are set by the test. */
export interface TestRegistry {
  readonly root: string;
  registry: Registry;
  /** Another one on the same folder, as after a kill. */
  restart(changes?: Partial<RegistryOptions>): Promise<void>;
  /** Puts both clocks forward. */
  pass(ms: number): void;
  /** So long that no lease lasts. */
  leasesEnd(): void;
  push(name: string, content: string): Promise<void>;
  /** An image of some layers. */
  pushImage(
    name: string,
    tag: string,
    layers: readonly string[],
  ): Promise<{ manifest: NewManifest; digest: OciDigest; bytes: Buffer }>;
  read(name: string, content: string): Promise<string | undefined>;
  remove(): Promise<void>;
}

async function readBlob(registry: Registry, name: string, digest: OciDigest): Promise<string | undefined> {
  const blob = await registry.openBlob(name, digest);
  if (blob === undefined) return undefined;
  const piece = Buffer.alloc(blob.source.sizeBytes);
  await new Promise<void>((resolve, reject) =>
    createSourceReader(blob.source).fill(piece, 0, (error) => (error === null ? resolve() : reject(error))),
  );
  blob.source.close();
  return piece.toString();
}

export async function createTestRegistry(
  given: Partial<RegistryOptions> & { readonly quotaBytes?: number } = {},
): Promise<TestRegistry> {
  const root = await realpath(await mkdtemp(join(tmpdir(), 'registry-')));
  const stateDirectory = await mkdtemp(join(tmpdir(), 'registry-state-'));
  const hasher = createHasher();
  const { quotaBytes, ...options } = given;
  let passedMs = 0;

  async function open(changes: Partial<RegistryOptions>): Promise<Registry> {
    const space = createSpace(
      {
        freeBytes: async () => 1e12,
        usedBytes: () => registry.usedBytes(),
        makeRoom: () => registry.makeRoom(),
      },
      { reserveBytes: 0, quotaBytes },
    );
    const registry: Registry = openRegistry(
      {
        ...{ log: silentLog, space, hash: hasher.hash, reads: createBlobReads({ stateDirectory }) },
        now: () => Date.now() + passedMs,
        elapsed: () => performance.now() + passedMs,
      },
      {
        ...{ root, uploadExpiryMs: DAY_MS, trashMs: HOUR_MS, untaggedMs: undefined, keptVersions: undefined },
        ...options,
        ...changes,
      },
    );
    await registry.start();
    return registry;
  }

  const test: TestRegistry = {
    root,
    registry: await open({}),
    async restart(changes = {}) {
      test.registry = await open(changes);
    },
    pass(ms) {
      passedMs += ms;
    },
    leasesEnd: () => test.pass(DAY_MS + 2 * HOUR_MS),
    async push(name, content) {
      const { id } = await test.registry.createUpload(name);
      await test.registry.appendUpload(name, id, undefined, pieces(content));
      await test.registry.finishUpload(name, id, digestOf(content));
    },
    async pushImage(name, tag, layers) {
      for (const layer of [...layers, `config of ${layers.join()}`]) await test.push(name, layer);
      const blobs = [...layers, `config of ${layers.join()}`].map(blobOf);
      const manifest = { ...manifestOf(`manifest of ${layers.join()}`, blobs), tags: [tag] };
      await test.registry.putManifest(name, manifest);
      return { manifest, digest: manifest.digest, bytes: manifest.bytes };
    },
    read: (name, content) => readBlob(test.registry, name, digestOf(content)),
    async remove() {
      await hasher.stop();
      for (const folder of [root, stateDirectory]) await rm(folder, { recursive: true });
    },
  };
  return test;
}
