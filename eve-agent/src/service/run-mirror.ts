import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { ConfigurationError, errorMessage } from '@local-datastore/shared/errors';
import type { Log } from '@local-datastore/shared/log';
import { MAX_MANIFEST_BYTES, parseManifest } from '@local-datastore/shared/oci/manifest';
import { type BlobCache, createBlobCache } from '../content/blob-cache.ts';
import { readChecked } from '../content/checked-read.ts';
import { createFileTarget, HASH_LANE_BYTES } from '../content/file-target.ts';
import { createHashLanes } from '../content/hash-lanes.ts';
import { createSmallFileTarget } from '../content/small-file-target.ts';
import { createMirrorHandler, type SendContent } from '../mirror/mirror-handler.ts';
import { type ContentHere, createMirroredImages } from '../mirror/mirrored-images.ts';
import { createFetchDocument } from '../registry/fetch-document.ts';
import { createDownload } from '../transfer/download.ts';
import type { DownloadDeps, DownloadOptions } from '../transfer/download-request.ts';
import { ContentError } from '../transfer/errors.ts';

export interface MirrorSettings {
  readonly host: string;
  readonly port: number;
  readonly cachePath: string;
  readonly cacheBytes: number;
  /** PEM that replaces the system's roots; null: registries on `.local` are spoken to over http. */
  readonly ca: string | null;
}

const MAX_CONNECTIONS = 256;
const SEND_BYTES = 512 * 1024;
const LOOPBACK_NAMES = new Set(['localhost', '127.0.0.1', '[::1]']);

const hostOf = (authority: string) => authority.replace(/:\d+$/, '').toLowerCase();

/** What is in the cache, and one flight a digest for what is not. */
function contentIn(
  cache: BlobCache,
  download: ReturnType<typeof createDownload>,
  targetOf: (path: string) => ReturnType<typeof createFileTarget>,
  signal: AbortSignal,
): ContentHere {
  const flights = new Map<string, Promise<void>>();
  const trim = () => cache.trim((hex) => flights.has(hex));
  return {
    find: (hex) => cache.find(hex),
    async read(hex) {
      const here = await cache.find(hex);
      if (here === null || here.sizeBytes > MAX_MANIFEST_BYTES) return null;
      try {
        return await buffer(readChecked(cache.pathOf(hex), hex));
      } catch {
        await rm(cache.pathOf(hex), { force: true });
        return null;
      }
    },
    async write(hex, bytes) {
      const target = await createSmallFileTarget(cache.pathOf(hex), bytes.length).open();
      try {
        target.take(bytes);
        await target.publish({ sizeBytes: bytes.length, sha256: hex });
      } finally {
        await target.close();
      }
    },
    async fetch(hex, request) {
      const known = flights.get(hex);
      if (known !== undefined) return await known;
      const observer = { onEvent: () => {}, onProgress: () => {} };
      const flight = (async () => {
        // Whoever asked may leave: others want it, too, and what has come is not lost.
        await download({ ...request, target: targetOf(cache.pathOf(hex)) }, observer, signal);
        await trim();
      })().finally(() => flights.delete(hex));
      flights.set(hex, flight);
      return await flight;
    },
  };
}

/**
 * A registry for the container engines of this host, until the signal is aborted.
 *
 * @param onListening is told where it listens
 * @throws ConfigurationError when the place or the folder cannot be had
 */
export async function runMirror(
  settings: MirrorSettings,
  [deps, options]: [DownloadDeps, DownloadOptions],
  { log, onListening }: { readonly log: Log; onListening(place: string): void },
  signal: AbortSignal,
): Promise<void> {
  const { host, port, cachePath, cacheBytes, ca } = settings;
  const cache = createBlobCache(cachePath, cacheBytes);
  try {
    await cache.open();
  } catch (error) {
    throw new ConfigurationError(`--cache ${cachePath} cannot be used: ${errorMessage(error)}`, {
      cause: error,
    });
  }
  const lanes = createHashLanes(HASH_LANE_BYTES);
  const targetOf = (path: string) => createFileTarget(path, lanes);
  const images = createMirroredImages(
    {
      fetchDocument: createFetchDocument(deps, options),
      content: contentIn(cache, createDownload(deps, options), targetOf, signal),
      readManifestLinks: (bytes) => parseManifest(bytes, undefined),
    },
    ca,
  );
  const send: SendContent = async (hex, range, response) => {
    const path = cache.pathOf(hex);
    if (range !== 'whole') {
      const { first, last } = range;
      const part = createReadStream(path, { start: first, end: last, highWaterMark: SEND_BYTES });
      return await pipeline(part, response);
    }
    try {
      await pipeline(readChecked(path, hex), response);
    } catch (error) {
      if (!(error instanceof ContentError)) throw error;
      // It comes anew when it is asked for again.
      await rm(path, { force: true });
      throw error;
    }
  };
  const names = new Set([...LOOPBACK_NAMES, host.includes(':') ? `[${host}]` : host.toLowerCase()]);
  const handle = createMirrorHandler({ images, send, log }, (authority) => names.has(hostOf(authority)));
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
    onListening(`${host.includes(':') ? `[${host}]` : host}:${bound}`);
    if (!signal.aborted) await once(signal, 'abort');
  } finally {
    server.close();
    server.closeAllConnections();
    lanes.close();
  }
}
