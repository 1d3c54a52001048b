// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { ConfigurationError, errorMessage } from '@local-datastore/shared/errors';
import type { Log } from '@local-datastore/shared/log';
import { formatDigest, type OciDigest } from '@local-datastore/shared/oci/digest';
import { MAX_MANIFEST_BYTES, parseManifest } from '@local-datastore/shared/oci/manifest';
import { systemClock } from '@local-datastore/shared/system-clock';
import { createArrivingFile } from '../content/arriving-file.ts';
import { type BlobCache, createBlobCache } from '../content/blob-cache.ts';
import { type CheckedBlobs, createCheckedBlobs, type ScrubResult } from '../content/checked-blobs.ts';
import { createFileTarget, HASH_LANE_BYTES } from '../content/file-target.ts';
import { createHashLanes } from '../content/hash-lanes.ts';
import { createJsonFile } from '../content/json-file.ts';
import { prepareFolder } from '../content/prepare-folder.ts';
import { createSmallFileTarget } from '../content/small-file-target.ts';
import { createTagMemory } from '../content/tag-memory.ts';
import { lockFolder } from '../content/target-lock.ts';
import type { ServiceInstance } from '../discovery/service-cache.ts';
import { createBlobFlights } from '../mirror/blob-flights.ts';
import { createMirrorHandler } from '../mirror/mirror-handler.ts';
import { type ContentHere, createMirroredImages } from '../mirror/mirrored-images.ts';
import { createNeighbours } from '../mirror/neighbours.ts';
import type { AnyChoice } from '../mirror/places.ts';
import { createRepositories, type FindCredential } from '../mirror/repositories.ts';
import { createFetchDocument } from '../registry/fetch-document.ts';
import { createDownload } from '../transfer/download.ts';
import type { DownloadDeps, DownloadOptions } from '../transfer/download-request.ts';
import {
  runScrubs,
  SCRUB_BYTES_PER_SECOND,
  type ScrubScheduleDeps,
  scrubTimeSchema,
} from './scrub-schedule.ts';

export interface CacheSettings {
  readonly cachePath: string;
  readonly cacheBytes: number;
  /** What stays free on its file system. */
  readonly reserveBytes: number;
}

export interface MirrorSettings extends CacheSettings {
  readonly host: string;
  readonly port: number;
  readonly any: AnyChoice;
  /** How often all that is kept is read again; 0: never. */
  readonly scrubMs: number;
  /** PEM that replaces the system's roots; null: registries on `.local` are spoken to over http. */
  readonly ca: string | null;
}

export interface MirrorDeps {
  /** Listens for datastores for a while. */
  browse(signal: AbortSignal): Promise<readonly ServiceInstance[]>;
  readonly findCredential: FindCredential;
  readonly log: Log;
  /** Is told where it listens. */
  onListening(place: string): void;
}

const MAX_CONNECTIONS = 256;
const LOOPBACK_NAMES = new Set(['localhost', '127.0.0.1', '[::1]']);

const hostOf = (authority: string) => authority.replace(/:\d+$/, '').toLowerCase();
const bracketed = (host: string) => (host.includes(':') ? `[${host}]` : host);

const unusable = (path: string, error: unknown) =>
  new ConfigurationError(`--cache ${path} cannot be used: ${errorMessage(error)}`, { cause: error });

async function openCache({ cachePath, cacheBytes, reserveBytes }: CacheSettings): Promise<BlobCache> {
  const cache = createBlobCache(cachePath, { maxBytes: cacheBytes, reserveBytes });
  try {
    await cache.open();
    return cache;
  } catch (error) {
    throw unusable(cachePath, error);
  }
}

function contentIn(cache: BlobCache, blobs: CheckedBlobs): ContentHere {
  const writing = new Map<string, Promise<void>>();
  async function write(digest: OciDigest, bytes: Buffer): Promise<void> {
    if ((await cache.find(digest)) !== null) return;
    await cache.claim(digest, bytes.length);
    try {
      const { algorithm } = digest;
      const target = await createSmallFileTarget(cache.pathOf(digest), bytes.length, algorithm).open();
      try {
        target.take(bytes);
        await target.publish({ sizeBytes: bytes.length, digest });
      } finally {
        await target.close();
      }
    } finally {
      await cache.settle(digest);
    }
  }
  return {
    open: (digest, isWhole) => blobs.open(digest, isWhole),
    has: async (digest) => (await cache.find(digest)) !== null,
    read: (digest) => blobs.read(digest, MAX_MANIFEST_BYTES),
    async write(digest, bytes) {
      const key = formatDigest(digest);
      const known = writing.get(key);
      if (known !== undefined) return await known;
      const written = write(digest, bytes).finally(() => writing.delete(key));
      writing.set(key, written);
      return await written;
    },
  };
}

/**
 * Reads all that a mirror keeps against its digests; what is damaged goes. One may run beside.
 *
 * @throws ConfigurationError when the folder cannot be had; the signal's reason
 */
export async function verifyMirror(
  settings: CacheSettings,
  log: Log,
  signal: AbortSignal,
): Promise<ScrubResult> {
  await prepareFolder('--cache', settings.cachePath);
  const cache = await openCache({ ...settings, cacheBytes: Number.MAX_SAFE_INTEGER });
  return await createCheckedBlobs(cache, log, signal).scrub(Number.MAX_SAFE_INTEGER, signal);
}

/** What is damaged has been told by then, one by one. */
function scrubDeps(cachePath: string, blobs: CheckedBlobs, log: Log): ScrubScheduleDeps {
  return {
    async scrub(until) {
      const { checked, bytes, damaged } = await blobs.scrub(SCRUB_BYTES_PER_SECOND, until);
      log.info({ checked, bytes, damaged: damaged.length }, 'the cache was read again');
    },
    file: createJsonFile(join(cachePath, 'scrub.json'), scrubTimeSchema, log),
    clock: systemClock,
    wallMs: Date.now,
  };
}

/**
 * A registry for the container engines of this host, until the signal is aborted.
 *
 * @throws ConfigurationError when the place or the folder cannot be had, or another mirror has the folder
 */
export async function runMirror(
  settings: MirrorSettings,
  means: [DownloadDeps, DownloadOptions],
  deps: MirrorDeps,
  signal: AbortSignal,
): Promise<void> {
  const { cachePath } = settings;
  await prepareFolder('--cache', cachePath);
  // What one has not finished yet, another would clear away.
  const unlock = await lockFolder(cachePath, 'mirror', `another mirror runs with the cache ${cachePath}`);
  try {
    await serveMirror(settings, means, deps, signal);
  } finally {
    unlock();
  }
}

async function serveMirror(
  settings: MirrorSettings,
  [deps, options]: [DownloadDeps, DownloadOptions],
  { browse, findCredential, log, onListening }: MirrorDeps,
  signal: AbortSignal,
): Promise<void> {
  const { host, port, cachePath, any, scrubMs, ca } = settings;
  const cache = await openCache(settings);
  const tags = createTagMemory(join(cachePath, 'tags'), Date.now);
  await tags.open().catch((error: unknown) => {
    throw unusable(cachePath, error);
  });
  const nowMs = () => performance.now();
  const lanes = createHashLanes(HASH_LANE_BYTES);
  const flights = createBlobFlights(
    {
      ...{ cache, log, download: createDownload(deps, options) },
      createTarget: (digest, arrival, makeRoom) =>
        createFileTarget(cache.pathOf(digest), { lanes, algorithm: digest.algorithm, arrival, makeRoom }),
      createArrivingFile: (digest, sizeBytes) => createArrivingFile(cache.pathOf(digest), sizeBytes),
    },
    signal,
  );
  const blobs = createCheckedBlobs(cache, log, signal);
  const isTls = ca !== null;
  const images = createMirroredImages(
    {
      repositoryAt: createRepositories(createFetchDocument(deps, options), findCredential, ca),
      content: contentIn(cache, blobs),
      ...{ flights, tags, nowMs, log },
      neighbours: createNeighbours(() => browse(signal), isTls, nowMs),
      readManifestLinks: (bytes) => parseManifest(bytes, undefined),
    },
    { any, isTls },
  );
  const names = new Set([...LOOPBACK_NAMES, bracketed(host).toLowerCase()]);
  const handle = createMirrorHandler({ images, log, wallMs: Date.now }, (authority) =>
    names.has(hostOf(authority)),
  );
  const server = createServer((request, response) => void handle(request, response));
  server.maxConnections = MAX_CONNECTIONS;
  try {
    server.listen({ host, port });
    await once(server, 'listening').catch((error: unknown) => {
      throw new ConfigurationError(`cannot listen on ${host}:${port}: ${errorMessage(error)}`, {
        cause: error,
      });
    });
    const address = server.address();
    const bound = typeof address === 'object' ? (address?.port ?? port) : port;
    onListening(`${bracketed(host)}:${bound}`);
    const aborted = signal.aborted ? undefined : once(signal, 'abort');
    if (scrubMs > 0) await runScrubs(scrubDeps(cachePath, blobs, log), scrubMs, signal);
    await aborted;
  } finally {
    server.close();
    server.closeAllConnections();
    if (signal.aborted) await flights.stop();
    lanes.close();
  }
}
