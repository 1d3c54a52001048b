// SPDX-License-Identifier: Apache-2.0
import { type ContentActual, originStateOf, sourceStateOf } from './actual.ts';
import type { ImageResolution } from './image-resolution.ts';
import { recordResponse } from './outcome.ts';
import type { RegistryContent } from './registry-place.ts';
import { type Attempt, endInFailure } from './run-download.ts';
import { advance, type Runtime } from './runtime.ts';
import type { Source } from './source.ts';

/** Finds out from one source which image a name stands for, or when to ask again. */
export async function runResolution(
  runtime: Runtime,
  source: Source,
  { image }: Extract<RegistryContent, { kind: 'image' }>,
  content: ContentActual,
): Promise<void> {
  const { actual, deps } = runtime;
  const key = content.sha256;
  const origin = originStateOf(actual, source);
  const abort = new AbortController();
  content.triedAtMs = deps.wallMs();
  content.activity = {
    ...{ kind: 'download', source, abort },
    startedMs: deps.clock.nowMs(),
    slowBytesPerSecond: null,
  };
  content.downloadId = deps.createId();
  content.datastoreId = source.datastoreId;
  advance(runtime, content, 'resolution-started');
  const log = deps.log.child({
    downloadId: content.downloadId,
    image: image.name,
    trees: runtime.treesOf(key),
  });
  log.info({ datastore: source.datastoreId }, 'asking which image it is');
  const attempt: Attempt = { address: null, storedBytes: 0, hadProgress: false, isElsewhere: false };
  let resolution: ImageResolution | null = null;
  try {
    const { authorization, ca } = source;
    const { avoidedAddresses } = sourceStateOf(content, source.key);
    resolution = await deps.resolve({ image, authorization, ca, avoidedAddresses }, abort.signal);
    recordResponse(origin);
    runtime.touchOrigin(origin.origin);
    content.failure = null;
    advance(runtime, content, 'resolved');
    log.info({ digest: resolution.digest, manifest: resolution.manifest.digest }, 'it is this image');
  } catch (error) {
    if (abort.signal.aborted) advance(runtime, content, 'attempt-ended');
    else endInFailure(runtime, { source }, content, origin, attempt, log, error);
  } finally {
    content.activity = null;
    content.waitingSinceMs = deps.clock.nowMs();
    content.triedAtMs = deps.wallMs();
    runtime.touchContent(key);
    if (resolution !== null) runtime.imageResolved(key, resolution);
    runtime.replan();
  }
}
