// SPDX-License-Identifier: Apache-2.0
import { createReadStream } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { arch } from 'node:os';
import { join } from 'node:path';
import { makeFolder } from '@local-datastore/shared/files/make-folder';
import type { Log } from '@local-datastore/shared/log';
import type { Origin } from '../discovery/origin.ts';
import type { ImageSource } from '../launch/deployments/carry-out-operation.ts';
import { parseRegistryImage } from '../registry/image-reference.ts';
import type { OpenImageWay } from '../registry/image-way.ts';
import { hostPlatform } from '../registry/resolve-image.ts';
import { createImagePull } from './pull-image.ts';
import { type RegistryFiles, watchCa, watchRegistryAuth } from './registry-files.ts';

const PIECE_BYTES = 128 * 1024;
/** An archive is nobody else's; blobs are written by a process of another user, who is told their names. */
const OWN_FOLDER = 0o700;
const UNLISTED_FOLDER = 0o711;

export interface DeploymentPullDeps {
  readonly openImage: OpenImageWay<Origin | null>;
  /** The folder of the service: an image waits below it until it is read. */
  readonly state: string;
  /** The folder in which blobs wait until all are here, below the one that downloads are written to. */
  readonly parts: string;
  readonly log: Log;
}

/**
 * Fetches images of registries for deployments: found by multicast DNS on `.local`, verified, and gone on with where an
 * earlier try ended. Its archive goes the way of one that was sent, and is checked once more.
 *
 * @throws ConfigurationError when a file cannot be used
 */
export function createDeploymentPull(
  { openImage, state, parts, log }: DeploymentPullDeps,
  files: RegistryFiles,
): ImageSource['pull'] {
  const findCredential = watchRegistryAuth(files.auth, log);
  const currentCa = watchCa(files.ca, log);
  const pull = createImagePull(openImage);

  return async (reference, deployment, onReceived, signal) => {
    const ca = currentCa();
    const image = parseRegistryImage(reference, ca === null ? undefined : 'https');
    const authorization = findCredential(image.registry.host, image.repository);
    const folder = join(state, 'launch', deployment);
    await makeFolder(folder, OWN_FOLDER);
    await makeFolder(parts, UNLISTED_FOLDER);
    const target = join(folder, 'pulled.tar');
    const wish = hostPlatform(arch());
    await pull(
      {
        ...{ image, wish, form: 'oci-archive', target, authorization, ca },
        parts: join(parts, deployment),
      },
      { onEvent: (event) => log.debug({ deployment, event: event.kind }, 'pulling'), onProgress: onReceived },
      signal,
    );
    return readOnce(target);
  };
}

/**
 * Removes what waits for deployments that there are no more.
 *
 * @param parts as of {@link DeploymentPullDeps} @param names of those that there are
 */
export async function removeStrayParts(parts: string, names: ReadonlySet<string>): Promise<void> {
  const found = await readdir(parts).catch(() => []);
  for (const name of found) {
    if (!names.has(name)) await rm(join(parts, name), { recursive: true, force: true });
  }
}

/** The content of a file, which is removed when it was read, or is wanted no more. */
async function* readOnce(file: string): AsyncGenerator<Uint8Array> {
  try {
    yield* createReadStream(file, { highWaterMark: PIECE_BYTES });
  } finally {
    await rm(file, { force: true });
  }
}
