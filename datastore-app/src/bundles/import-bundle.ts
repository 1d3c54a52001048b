// SPDX-License-Identifier: Apache-2.0
import type { Digest } from '@local-datastore/shared/digest/digest';
import type { StagedImage } from '../content/staging.ts';
import { StoreError } from '../content/store-error.ts';
import type { ImageStore } from '../images/image-store.ts';
import type { FileParser } from '../parsing/file-parser.ts';
import { readBundle } from './read-bundle.ts';

export interface ImportedImage {
  readonly path: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  /** `unchanged`: the very same image was there already. */
  readonly outcome: 'new' | 'replaced' | 'unchanged';
}

/** Adds to a failure of the store which file it was. */
function naming(path: string): (error: unknown) => never {
  return (error) => {
    if (!(error instanceof StoreError)) throw error;
    if (error.message.includes(`"${path}"`)) throw error;
    const { retryable, details } = error;
    throw new StoreError(error.code, `"${path}": ${error.message}`, { retryable, details, cause: error });
  };
}

/**
 * Takes in a tar with images and their SHA256SUMS: all of them, or when anything is wrong none.
 *
 * @throws StoreError, whose message names the file; ParserUnavailableError; whatever `content` throws
 */
export async function importBundle(
  { store, parser }: { readonly store: ImageStore; readonly parser: FileParser },
  content: AsyncIterable<Uint8Array>,
  { replace }: { readonly replace: boolean },
): Promise<ImportedImage[]> {
  /** By their names in the tar. */
  const staged = new Map<string, StagedImage>();
  try {
    const paths = await readBundle(
      content,
      parser,
      async ({ name, path, sizeBytes, content: body }, sha256) => {
        const digests: Digest[] = sha256 === undefined ? [] : [{ algorithm: 'sha256', hex: sha256 }];
        const image = await store.stage(body, { sizeBytes, digests, path }).catch(naming(path));
        staged.set(name, image);
        return image.sha256;
      },
    );
    const images = [...staged].flatMap(([name, image]) => {
      const path = paths.get(name);
      return path === undefined ? [] : [[path, image] as const];
    });
    const unchanged = new Set<string>();
    for (const [path, image] of images) {
      if (await store.holds(path, image).catch(naming(path))) unchanged.add(path);
    }
    const changes = images.filter(([path]) => !unchanged.has(path));
    const published = await store.publishTogether(
      changes.map(([path, image]) => ({ path, staged: image })),
      { replace },
    );
    const isNew = new Map(published.map((image) => [image.path, image.isNew]));
    return images.map(([path, { version, sha256 }]) => {
      const outcome = unchanged.has(path) ? 'unchanged' : isNew.get(path) ? 'new' : 'replaced';
      return { path, sizeBytes: version.sizeBytes, sha256, outcome };
    });
  } finally {
    // Of what became an image there is nothing left to discard.
    for (const image of staged.values()) await store.discard(image);
  }
}
