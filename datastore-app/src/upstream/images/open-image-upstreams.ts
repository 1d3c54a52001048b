// SPDX-License-Identifier: Apache-2.0
import { closeSync, createReadStream } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '@local-datastore/shared/clock';
import type { Log } from '@local-datastore/shared/log';
import { systemClock } from '@local-datastore/shared/system-clock';
import type { ByteSource } from '../../content/byte-source.ts';
import { collectAll } from '../../content/collect.ts';
import type { Sessions } from '../../content/sessions.ts';
import type { Catalogue } from '../../images/catalogue.ts';
import type { ImageStore } from '../../images/image-store.ts';
import type { OpenImage } from '../../images/open-image.ts';
import type { FindLocalHost } from '../find-local-host.ts';
import { createFlightTable } from '../flight-table.ts';
import { UpstreamError } from '../upstream-error.ts';
import type { ByteStream } from '../upstream-requests.ts';
import { createExternalSource } from './external-source.ts';
import { type ImageCargo, type ImageFacts, landingOfImage } from './image-landing.ts';
import { createImageLists, type DistantFile, type ImageLists } from './image-lists.ts';
import type { ImageUpstream } from './image-upstream-settings.ts';
import type { ImageSource } from './listed-file.ts';
import { createStoreSource } from './store-source.ts';

/** An image on its way here. */
export interface ImageFetch {
  readonly path: string;
  readonly sha256: string;
  readonly receivedBytes: number;
  readonly sizeBytes: number;
  /** From where, for people. */
  readonly upstream: string;
}

/** Images that are not here yet, and come when they are asked for. */
export interface ImageUpstreams
  extends Pick<ImageLists, 'find' | 'files' | 'lookFor' | 'refresh' | 'status'> {
  /** Another one whenever something may be said otherwise of what can come. */
  revision(): string;
  /**
   * An image whose bytes can be read as they arrive. It comes to its end, and is published, whether or not anybody goes
   * on reading.
   *
   * @returns undefined where it is here by now, at its path
   * @throws UpstreamError where nothing comes; StoreError where there is no room, or no place
   */
  open(distant: DistantFile): Promise<ByteSource | undefined>;
  fetches(): readonly ImageFetch[];
  /** Why one could not be had lately, as a sentence. */
  failureOf(sha256: string): string | undefined;
  /** Bytes that have come since the start. */
  receivedBytes(): number;
  /** Takes up what an earlier run left. */
  start(): Promise<void>;
  /** Keeps the lists, until the signal aborts. */
  follow(signal: AbortSignal): Promise<void>;
  /** Removes what nobody went on fetching for long. @returns how many */
  collectExpired(): Promise<number>;
  stop(): Promise<void>;
}

export interface ImageUpstreamsDeps {
  readonly log: Log;
  /** Those that are configured now. */
  upstreams(): readonly ImageUpstream[];
  readonly parts: Sessions<ImageFacts>;
  readonly store: Pick<ImageStore, 'publish' | 'requirePlaceable'>;
  readonly catalogue: Pick<Catalogue, 'verifiables' | 'digestOf' | 'isCorrupt'>;
  readonly openImage: (path: string) => OpenImage | undefined;
  readonly findLocalHost: FindLocalHost;
  readonly clock?: Clock;
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly sourceOf?: (upstream: ImageUpstream) => ImageSource;
}

/** So long it is remembered that an image could not be had. */
const FAILURE_MS = 30_000;
const MAX_FAILURES = 1000;
const LOOK_INTERVAL_MS = 1000;
const READ_BYTES = 256 * 1024;

type Cargo = ImageCargo & { readonly distant: DistantFile };

function createSource({ place, ...upstream }: ImageUpstream, findLocalHost: FindLocalHost): ImageSource {
  if (place.kind === 'file') return createExternalSource({ ...upstream, file: place.file }, findLocalHost);
  return createStoreSource({ ...upstream, place }, findLocalHost);
}

export function openImageUpstreams(deps: ImageUpstreamsDeps): ImageUpstreams {
  const { log, parts, catalogue, openImage, findLocalHost, clock = systemClock } = deps;
  const { sourceOf: makeSource = (upstream) => createSource(upstream, findLocalHost) } = deps;
  const wait = deps.wait ?? ((ms, signal) => delay(ms, undefined, { signal }));
  const sources = new Map<ImageUpstream, ImageSource>();
  const failures = new Map<string, { readonly error: UpstreamError; readonly untilMs: number }>();
  /** Of which a copy here was not what it was taken for. */
  const doubted = new Set<string>();
  let configured: readonly ImageUpstream[] | undefined;

  const lists = createImageLists({
    ...{ log, clock, afterLarge: collectAll },
    sourceOf(upstream) {
      const source = makeSource(upstream);
      sources.set(upstream, source);
      return source;
    },
  });

  /** The same content at another path: it need not come from elsewhere. */
  function openHere(sha256: string): OpenImage | undefined {
    if (doubted.has(sha256)) return undefined;
    for (const { path, digest } of catalogue.verifiables()) {
      if (digest.hex !== sha256) continue;
      const image = openImage(path);
      if (image === undefined) continue;
      const isSame = catalogue.digestOf(image.path, image.version) === sha256;
      if (isSame && !catalogue.isCorrupt(image.path, image.version)) return image;
      closeSync(image.fd);
    }
    return undefined;
  }

  async function read(
    { upstream, file }: DistantFile,
    position: number,
    signal: AbortSignal,
  ): Promise<ByteStream> {
    const here = openHere(file.sha256);
    if (here !== undefined) {
      const content = createReadStream('', { fd: here.fd, start: position, highWaterMark: READ_BYTES });
      return { content, position };
    }
    const source = sources.get(upstream);
    if (source === undefined)
      throw new UpstreamError('UNREACHABLE', `${upstream.name} is no longer configured`);
    return source.open(file, position, signal);
  }

  function remember(sha256: string, error: UpstreamError): void {
    failures.delete(sha256);
    failures.set(sha256, { error, untilMs: clock.nowMs() + FAILURE_MS });
    const [oldest] = failures.keys();
    if (failures.size > MAX_FAILURES && oldest !== undefined) failures.delete(oldest);
  }

  function lastFailure(sha256: string): UpstreamError | undefined {
    const last = failures.get(sha256);
    return last !== undefined && clock.nowMs() < last.untilMs ? last.error : undefined;
  }

  /** Of how many it is known now that they could not be had. */
  function countFailures(): number {
    const nowMs = clock.nowMs();
    return [...failures.values()].filter(({ untilMs }) => nowMs < untilMs).length;
  }

  const table = createFlightTable<Cargo>({
    ...{ log, wait },
    landingFor: (wanted) => landingOfImage({ parts, store: deps.store }, wanted),
    onEnded({ distant: { path, upstream }, sha256, sizeBytes }, failure) {
      if (failure === undefined) {
        failures.delete(sha256);
        doubted.delete(sha256);
        lists.noteAnswer(upstream, undefined);
        log.info({ path, sha256, sizeBytes, from: upstream.name }, 'an image was fetched');
        return;
      }
      log.warn({ path, from: upstream.name, reason: failure.message }, 'an image could not be fetched');
      if (!(failure instanceof UpstreamError)) return;
      remember(sha256, failure);
      if (failure.code === 'INVALID') doubted.add(sha256);
      lists.noteAnswer(upstream, failure);
    },
  });

  function takeSettings(): void {
    const upstreams = deps.upstreams();
    if (upstreams === configured) return;
    configured = upstreams;
    lists.replace(upstreams);
    for (const upstream of sources.keys()) if (!upstreams.includes(upstream)) sources.delete(upstream);
  }

  return {
    find: lists.find,
    files: lists.files,
    lookFor: lists.lookFor,
    refresh: lists.refresh,
    status: lists.status,
    // Each fetch that ends is one of the table's changes; a failure is forgotten by and by.
    revision: () => `${lists.revision()}-${table.revision()}-${countFailures()}`,

    async open(distant) {
      const { path, file } = distant;
      const { sha256, sizeBytes } = file;
      const last = lastFailure(sha256);
      if (last !== undefined) throw last;
      return table.open({
        ...{ path, sha256, sizeBytes, distant, digest: { algorithm: 'sha256', hex: sha256 } },
        read: (position, signal) => read(distant, position, signal),
      });
    },

    fetches: () =>
      table.list().map(({ wanted: { path, sha256, sizeBytes, distant }, receivedBytes }) => ({
        ...{ path, sha256, sizeBytes, receivedBytes, upstream: distant.upstream.name },
      })),
    failureOf: (sha256) => lastFailure(sha256)?.message,
    receivedBytes: table.receivedBytes,

    async start() {
      takeSettings();
      await parts.start();
    },

    async follow(signal) {
      while (!signal.aborted) {
        takeSettings();
        lists.advance();
        await delay(LOOK_INTERVAL_MS, undefined, { signal, ref: false }).catch(() => {});
      }
    },

    collectExpired: parts.collectExpired,

    async stop() {
      await table.stop();
      await lists.stop();
    },
  };
}
