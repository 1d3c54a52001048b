import type { SpaceLimits } from '../config.ts';
import { MAX_IMAGES } from '../images/catalogue.ts';
import { createHasher } from '../images/hasher.ts';
import { createImageStore, type ImageStore } from '../images/image-store.ts';
import { scanImages } from '../images/scan.ts';
import { createSpace } from '../images/space.ts';
import { diskSpaceOf, type Storage } from '../images/storage.ts';

/** The store of a datastore that may be running beside: it finds what comes and goes by itself. */
export async function openStore({ root }: Storage, options: SpaceLimits): Promise<ImageStore> {
  const { files } = await scanImages(root, MAX_IMAGES, new AbortController().signal);
  const usedBytes = files.reduce((sum, { version }) => sum + version.sizeBytes, 0);
  return createImageStore(
    {
      space: createSpace(
        { freeBytes: async () => (await diskSpaceOf(root)).freeBytes, usedBytes: () => usedBytes },
        { reserveBytes: options.reserve, quotaBytes: options.quota },
      ),
      hash: createHasher().hash,
    },
    { root, owner: 'images' },
  );
}
