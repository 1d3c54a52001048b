// SPDX-License-Identifier: Apache-2.0
import { createReadStream } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { arch } from 'node:os';
import { join } from 'node:path';
import { AGENT_PRODUCT } from '@local-datastore/shared/http/products';
import type { Log } from '@local-datastore/shared/log';
import { systemClock } from '@local-datastore/shared/system-clock';
import type { ImageSource } from '../launch/deployments/carry-out-operation.ts';
import { parseRegistryImage } from '../registry/image-reference.ts';
import { hostPlatform } from '../registry/resolve-image.ts';
import { createDirectImageWay } from './direct-image-way.ts';
import { createImagePull } from './pull-image.ts';
import { type RegistryFiles, watchCa, watchRegistryAuth } from './registry-files.ts';
import type { ServiceSettings } from './service-settings.ts';
import { systemDelay } from './system-delay.ts';
import { createSystemLocator } from './system-discovery.ts';
import { createSystemWay } from './system-way.ts';

const RETRY = { maxFailures: 5, maxDelayMs: 10_000 };
const PIECE_BYTES = 128 * 1024;

/**
 * Fetches images of registries for deployments: found by multicast DNS on `.local`, verified, and gone on with where an
 * earlier try ended. Its archive goes the way of one that was sent, and is checked once more.
 *
 * @param deps.state the folder of the service: an image waits below it until all of it is here
 * @throws ConfigurationError when a file cannot be used
 */
export function createDeploymentPull(
  { discovery, transfer }: Pick<ServiceSettings, 'discovery' | 'transfer'>,
  files: RegistryFiles,
  { state, log }: { readonly state: string; readonly log: Log },
): ImageSource['pull'] {
  const { stallTimeoutMs, leastRate, proxy, allowsInternalRedirects } = transfer;
  const findCredential = watchRegistryAuth(files.auth, log);
  const currentCa = watchCa(files.ca, log);
  const locate = createSystemLocator(log);
  const openWay = createDirectImageWay(
    {
      ...createSystemWay(locate, discovery),
      delay: systemDelay,
      now: Date.now,
      random: Math.random,
      clock: systemClock,
    },
    {
      retry: RETRY,
      ...{ stallTimeoutMs, leastRate, proxy, allowsInternalRedirects },
      reconnectsWhenSlow: true,
      userAgent: AGENT_PRODUCT,
    },
  );
  const pull = createImagePull(openWay);

  return async (reference, deployment, onReceived, signal) => {
    const ca = currentCa();
    const image = parseRegistryImage(reference, ca === null ? undefined : 'https');
    const authorization = findCredential(image.registry.host, image.repository);
    const folder = join(state, 'launch', deployment);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const target = join(folder, 'pulled.tar');
    const wish = hostPlatform(arch());
    await pull(
      { image, wish, form: 'oci-archive', target, authorization, ca },
      { onEvent: (event) => log.debug({ deployment, event: event.kind }, 'pulling'), onProgress: onReceived },
      signal,
    );
    return readOnce(target);
  };
}

/** The content of a file, which is removed when it was read, or is wanted no more. */
async function* readOnce(file: string): AsyncGenerator<Uint8Array> {
  try {
    yield* createReadStream(file, { highWaterMark: PIECE_BYTES });
  } finally {
    await rm(file, { force: true });
  }
}
