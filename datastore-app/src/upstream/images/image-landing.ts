// SPDX-License-Identifier: Apache-2.0
import { stat } from 'node:fs/promises';
import * as z from 'zod';
import { versionOf } from '../../content/file-version.ts';
import type { Hasher } from '../../content/hasher.ts';
import { createSessions, type Sessions } from '../../content/sessions.ts';
import type { Space } from '../../content/space.ts';
import { StoreError } from '../../content/store-error.ts';
import { isImagePath } from '../../images/image-path.ts';
import type { ImageStore } from '../../images/image-store.ts';
import type { Cargo, Landing } from '../flight.ts';

/** What is remembered of an image while it comes. */
export interface ImageFacts {
  /** Where it will stand. */
  readonly path: string;
  readonly sizeBytes: number;
  /** 64 hexadecimal digits. */
  readonly sha256: string;
}

const FACTS = z.object({
  path: z.string().refine(isImagePath),
  sizeBytes: z.number().int().nonnegative(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});

/** As many images may be on their way, and lie about unfinished. */
const MAX_PARTS = 200;

/** Parts of images that come from upstreams. They outlive restarts; each has all of its room from its beginning on. */
export function createImageParts(
  {
    space,
    hash,
    now = Date.now,
  }: { readonly space: Space; readonly hash: Hasher['hash']; readonly now?: () => number },
  { incoming, expiryMs }: { readonly incoming: string; readonly expiryMs: number },
): Sessions<ImageFacts> {
  return createSessions<ImageFacts>(
    { space, hash, now },
    {
      ...{ incoming, kind: 'image', expiryMs, maxSessions: MAX_PARTS },
      parseFacts: (facts) => FACTS.safeParse(facts).data,
      sizeOf: ({ sizeBytes }) => sizeBytes,
    },
  );
}

export type ImageCargo = Cargo & { readonly path: string; readonly sha256: string };

export interface ImageLandingDeps {
  readonly parts: Sessions<ImageFacts>;
  readonly store: Pick<ImageStore, 'publish' | 'requirePlaceable'>;
}

/** An image that comes is written like an upload, and published like one; what has come to its path meanwhile stays. */
export function landingOfImage(
  { parts, store }: ImageLandingDeps,
  { path, sha256, sizeBytes, digest }: ImageCargo,
): Landing {
  const facts = { path, sizeBytes, sha256 };

  async function publish(file: string): Promise<void> {
    const version = versionOf(await stat(file, { bigint: true }));
    try {
      // Its room is the session's, until that ends.
      await store.publish({ file, version, sha256, claim: undefined }, path, {
        replace: false,
        isForeignName: true,
      });
    } catch (error) {
      if (!(error instanceof StoreError) || error.code !== 'IMAGE_EXISTS') throw error;
    }
  }

  return {
    async begin() {
      const earlier = parts.findBy((each) => each.sha256 === sha256 && each.sizeBytes === sizeBytes);
      if (earlier !== undefined) return earlier;
      await store.requirePlaceable(path, { replace: true, isForeignName: true });
      const part = await parts.create(facts, 'sha256');
      if (part !== undefined) return part;
      throw new StoreError('NO_SPACE', `${MAX_PARTS} images are on their way already, or lie unfinished.`);
    },
    append: (id, position, content, onWritten) => parts.append(id, position, content, onWritten),
    async finish(id) {
      await parts.finish(id, digest, ({ file }) => publish(file));
    },
    cancel: (id) => parts.remove(id),
    openFile: (id) => parts.openContent(id),
  };
}
