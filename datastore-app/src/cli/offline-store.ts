// SPDX-License-Identifier: Apache-2.0
import type { FileVersion } from '../content/file-version.ts';
import { createHasher } from '../content/hasher.ts';
import { createSpace } from '../content/space.ts';
import { createCaseIndex } from '../images/case-twins.ts';
import { MAX_IMAGES } from '../images/catalogue.ts';
import { createImageStore, type ImageStore } from '../images/image-store.ts';
import { scanImages } from '../images/scan.ts';
import { diskSpaceOf, type Storage } from '../images/storage.ts';
import { takenBytes } from '../images/taken-bytes.ts';
import type { SpaceLimits } from '../settings/storage-options.ts';

/** The store of a datastore that may be running beside: it finds what comes and goes by itself. */
export async function openStore({ root }: Storage, options: SpaceLimits): Promise<ImageStore> {
  const { files } = await scanImages(root, MAX_IMAGES, new AbortController().signal);
  const images = new Map<string, { readonly version: FileVersion }>(files.map((file) => [file.path, file]));
  const cases = createCaseIndex((path) => images.has(path));
  for (const { path } of files) cases.add(path);
  return createImageStore(
    {
      space: createSpace(
        {
          freeBytes: async () => (await diskSpaceOf(root)).freeBytes,
          usedBytes: (replaced) => takenBytes(images, replaced),
        },
        { reserveBytes: options.reserve, quotaBytes: options.quota },
      ),
      hash: createHasher().hash,
      // What was stored counts for what comes after it.
      onPublished: async (published) => {
        for (const image of published) {
          images.set(image.path, image);
          cases.add(image.path);
        }
      },
      caseTwinOf: cases.twinOf,
    },
    { root, owner: 'images' },
  );
}
