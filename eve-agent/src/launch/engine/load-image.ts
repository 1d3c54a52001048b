// SPDX-License-Identifier: Apache-2.0
import { type EngineClient, EngineError, isEngineStatus } from '@local-datastore/shared/engine/engine-client';
import { ConfigurationError } from '@local-datastore/shared/errors';
import type { Platform } from '@local-datastore/shared/oci/descriptor';
import { formatDigest } from '@local-datastore/shared/oci/digest';
import { whyNoRepositoryName } from '@local-datastore/shared/oci/reference';
import * as z from 'zod';
import { type CheckedImage, checkImageStream, imageTag } from '../image-stream/check-image-stream.ts';
import { readLoadAnswer } from './load-answer.ts';
import { LoadImageError } from './load-image-error.ts';

export interface WantedLoad {
  /** What the image is called but for its tag: `ed_web` becomes `ed_web:<12 digits of its config's digest>`. */
  readonly repository: string;
  /** What it must run on. */
  readonly platform: Platform;
  /** Of the archive, unpacked, and of its layers, unpacked, each. */
  readonly maxBytes: number;
  /** What the engine's disk has room for; undefined: nobody knows. */
  readonly freeBytes?: number | undefined;
  readonly signal: AbortSignal;
}

/** How far it is. */
export interface LoadProgress {
  /** Of what was sent to the engine. */
  readonly sentBytes: number;
  /** So many layers have been sent, as far as one can tell. */
  readonly layers: number;
  /** Whether all of it has come and is right: the engine makes an image of it now. */
  readonly isChecked: boolean;
}

/** An image that the engine has, and that is the one which was checked. */
export interface LoadedImage extends CheckedImage {
  /** Its id, as the engine has it: the digest of its config or, of newer stores, of its manifest. */
  readonly id: string;
  readonly tag: string;
}

const VERSION = z.object({ Version: z.string() });
const IMAGE = z.object({ Id: z.string(), RootFS: z.object({ Layers: z.array(z.string()).nullish() }) });
const IMAGES = z.array(z.object({ Id: z.string() }));

/** The first that reads layers of zstd (moby 23.0, pkg/archive). */
const ZSTD_SINCE = 23;
/** Of each the layers are asked for, by a request of its own. */
const MAX_KNOWN_IMAGES = 200;
/** What the engine makes an image of is not taken back: its answer is waited for, so long after nobody wants it. */
const FINISH_MS = 60_000;
const CLEAN_UP_MS = 30_000;
const NO_SPACE = /no space left on device|disk quota exceeded|not enough space/i;

interface EngineImage {
  readonly id: string;
  readonly layers: readonly string[];
}

async function findEngineImage(
  client: EngineClient,
  name: string,
  signal: AbortSignal,
): Promise<EngineImage | undefined> {
  try {
    const { Id, RootFS } = IMAGE.parse(await client.ask('GET', `/images/${name}/json`, { signal }));
    return { id: Id, layers: RootFS.Layers ?? [] };
  } catch (error) {
    if (isEngineStatus(error, 404)) return undefined;
    throw error;
  }
}

/** The layers of all images of the engine: what it need not store once more. */
async function listKnownLayers(client: EngineClient, signal: AbortSignal): Promise<Set<string>> {
  const images = IMAGES.parse(await client.ask('GET', '/images/json', { signal }));
  const known = new Set<string>();
  for (const { Id } of images.slice(0, MAX_KNOWN_IMAGES)) {
    for (const layer of (await findEngineImage(client, Id, signal))?.layers ?? []) known.add(layer);
  }
  return known;
}

async function takesZstdLayers(client: EngineClient, signal: AbortSignal): Promise<boolean> {
  const { Version } = VERSION.parse(await client.ask('GET', '/version', { signal }));
  return Number.parseInt(Version, 10) >= ZSTD_SINCE;
}

function asLoadError(error: unknown): unknown {
  if (!(error instanceof EngineError)) return error;
  const { reason = error.message } = error.details;
  return error.code === 'ENGINE_UNREACHABLE'
    ? new LoadImageError('ENGINE_AWAY', error.message, { cause: error, retryable: true })
    : refused(String(reason), error);
}

const refused = (reason: string, cause?: unknown) =>
  NO_SPACE.test(reason)
    ? new LoadImageError('ENGINE_NO_SPACE', `The engine has no room for the image: ${reason}`, { cause })
    : new LoadImageError('ENGINE_REFUSED', `The engine does not take the image: ${reason}`, { cause });

/** The engine's id of an image must be that of its config or, where it came with one, of its manifest. */
function whyDiffers(found: EngineImage | undefined, image: CheckedImage): string | undefined {
  if (found === undefined) return 'it has none of the name';
  const { diffIds } = image;
  const isSame =
    found.layers.length === diffIds.length && found.layers.every((layer, i) => layer === diffIds[i]);
  return isSame ? undefined : 'its layers are others';
}

/**
 * Loads an image of an archive into the engine, checked on the way. The engine gets to know its name once all of it has
 * come and is right; what it has then is compared with what was checked. Where anything fails, or the signal comes,
 * nothing of it is left.
 *
 * @param source whatever came, compressed or not
 * @param onProgress is told for each piece that is sent
 * @throws ImageStreamError where the archive is not right; LoadImageError; ConfigurationError for a repository that is
 *   none; whatever the source throws; the signal's reason
 */
export async function loadImage(
  client: EngineClient,
  source: AsyncIterable<Uint8Array>,
  wanted: WantedLoad,
  onProgress: (progress: LoadProgress) => void = () => undefined,
): Promise<LoadedImage> {
  const { repository, signal, freeBytes } = wanted;
  const whyNot = whyNoRepositoryName(repository);
  if (whyNot !== undefined) throw new ConfigurationError(`"${repository}" cannot name an image: ${whyNot}`);
  try {
    const knownLayers = freeBytes === undefined ? undefined : await listKnownLayers(client, signal);
    const isZstdTaken = await takesZstdLayers(client, signal);
    return await send({ knownLayers, takesZstdLayers: isZstdTaken });
  } catch (error) {
    throw asLoadError(error);
  }

  async function send(engine: {
    readonly knownLayers: ReadonlySet<string> | undefined;
    readonly takesZstdLayers: boolean;
  }): Promise<LoadedImage> {
    const request = new AbortController();
    let tag: string | undefined;
    let before: EngineImage | undefined;
    /** From here on the engine may have made an image of it. */
    let isChecked = false;
    let layers = 0;
    let finishing: NodeJS.Timeout | undefined;
    const onAbort = () => {
      if (!isChecked) request.abort(signal.reason);
      else finishing = setTimeout(() => request.abort(signal.reason), FINISH_MS);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    const { archive, image } = checkImageStream(source, {
      ...wanted,
      ...engine,
      onLayer: () => {
        layers += 1;
      },
      async tagsFor(checked) {
        tag = imageTag(repository, checked);
        before = await findEngineImage(client, tag, request.signal);
        isChecked = true;
        return [tag];
      },
    });
    let archiveFailure: { readonly error: unknown } | undefined;
    async function* told(): AsyncGenerator<Uint8Array> {
      let sentBytes = 0;
      /** Whoever reads throws in here what ended the reading: that is no failure of the archive. */
      let isRead = true;
      try {
        for await (const piece of archive) {
          isRead = false;
          yield piece;
          isRead = true;
          sentBytes += piece.length;
          onProgress({ sentBytes, layers, isChecked });
        }
      } catch (error) {
        if (isRead) archiveFailure = { error };
        throw error;
      }
    }
    try {
      const answer = await client.open('POST', '/images/load', {
        query: { quiet: '0' },
        body: told(),
        signal: request.signal,
      });
      const { failure } = await readLoadAnswer(answer.body);
      if (failure !== undefined) throw refused(failure);
      const checked = await image.catch((error: unknown) => {
        if (archiveFailure !== undefined) throw error;
        throw new LoadImageError('ENGINE_REFUSED', 'The engine answered before all of the image had come.');
      });
      const found = await findEngineImage(client, tag ?? '', request.signal);
      const why = whyDiffers(found, checked);
      if (why !== undefined) {
        throw new LoadImageError(
          'IMAGE_DIFFERS',
          `The engine took the image ${formatDigest(checked.configDigest)}, but ${why}.`,
        );
      }
      signal.throwIfAborted();
      return { ...checked, id: found?.id ?? '', tag: tag ?? '' };
    } catch (error) {
      request.abort(error);
      if (isChecked && tag !== undefined && before === undefined) await removeTag(client, tag);
      signal.throwIfAborted();
      // Why the archive failed says more than what came of it at the engine.
      throw archiveFailure === undefined ? error : archiveFailure.error;
    } finally {
      signal.removeEventListener('abort', onAbort);
      clearTimeout(finishing);
    }
  }
}

/**
 * Takes back a name that was not there before. An engine that is away by now keeps it, until it is loaded again or
 * somebody prunes: why the loading failed is what has to be told.
 */
async function removeTag(client: EngineClient, tag: string): Promise<void> {
  await client
    .ask('DELETE', `/images/${tag}`, { signal: AbortSignal.timeout(CLEAN_UP_MS) })
    .catch(() => undefined);
}
