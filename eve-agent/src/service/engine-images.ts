// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { statfs } from 'node:fs/promises';
import type { EngineClient } from '@local-datastore/shared/engine/engine-client';
import { ConfigurationError } from '@local-datastore/shared/errors';
import { lockExclusively } from '@local-datastore/shared/files/exclusive-lock';
import { formatDigest } from '@local-datastore/shared/oci/digest';
import * as z from 'zod';
import type { ImageSource } from '../launch/deployments/carry-out-operation.ts';
import { loadImage } from '../launch/engine/load-image.ts';

const PLATFORM_LIMIT_MS = 10_000;

const versionSchema = z.object({ Os: z.string(), Arch: z.string() });
const infoSchema = z.object({ DockerRootDir: z.string().optional() });

/** What the disk of the engine has room for; undefined: it is another machine's, or cannot be seen. */
async function freeBytesOf(client: EngineClient, isLocal: boolean, signal: AbortSignal) {
  if (!isLocal) return undefined;
  const { DockerRootDir } = infoSchema.parse(await client.ask('GET', '/info', { signal }));
  if (DockerRootDir === undefined) return undefined;
  try {
    const { bavail, bsize } = await statfs(DockerRootDir);
    return bavail * bsize;
  } catch {
    return undefined;
  }
}

/** Gives images to an engine, in its own terms. @param isLocal whether its disk is one of this host */
export function createImageLoader(client: EngineClient, isLocal: boolean): Pick<ImageSource, 'load'> {
  return {
    async load(source, { repository, maxBytes }, signal) {
      const limited = AbortSignal.any([signal, AbortSignal.timeout(PLATFORM_LIMIT_MS)]);
      const { Os, Arch } = versionSchema.parse(await client.ask('GET', '/version', { signal: limited }));
      const loaded = await loadImage(client, source, {
        ...{ repository, maxBytes, signal },
        platform: { os: Os, architecture: Arch },
        freeBytes: await freeBytesOf(client, isLocal, limited),
      });
      const { id, tag, sizeBytes } = loaded;
      return { id, tag, sizeBytes, configDigest: formatDigest(loaded.configDigest) };
    },
  };
}

/** Two agents that change the same containers would undo what the other does. @throws ConfigurationError */
export async function lockContainers(place: string, prefix: string): Promise<() => void> {
  const key = createHash('sha256').update(`${place}\n${prefix}`).digest('hex');
  const release = await lockExclusively(`eve-agent/launch/${key}`);
  if (release !== null) return release;
  throw new ConfigurationError(
    `another agent has the containers of the engine at ${place} whose names begin with "${prefix}"`,
  );
}
