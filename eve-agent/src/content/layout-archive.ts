// SPDX-License-Identifier: Apache-2.0
import { constants } from 'node:fs';
import { lstat, open, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseOciDigest } from '@local-datastore/shared/oci/digest';
import { blobPath, INDEX_FILE, LAYOUT_FILE, LAYOUT_TEXT } from '@local-datastore/shared/oci/image-archive';
import { MAX_MANIFEST_BYTES } from '@local-datastore/shared/oci/manifest';
import { type TarFile, tarParts } from '@local-datastore/shared/oci/tar-parts';

const PIECE_BYTES = 128 * 1024;

/** The blobs of a folder in OCI's image layout, with their sizes; what is called otherwise is none. */
async function listBlobs(folder: string): Promise<TarFile[]> {
  const blobs = join(folder, 'blobs');
  const files: TarFile[] = [];
  for (const algorithm of (await readdir(blobs)).sort()) {
    for (const hex of (await readdir(join(blobs, algorithm))).sort()) {
      const digest = parseOciDigest(`${algorithm}:${hex}`);
      if (digest === undefined) continue;
      const facts = await lstat(join(folder, blobPath(digest)));
      if (!facts.isFile()) continue;
      files.push({ name: blobPath(digest), content: { kind: 'blob', digest, sizeBytes: facts.size } });
    }
  }
  return files;
}

async function* readBlob(path: string): AsyncGenerator<Uint8Array> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  // Closes the file at its end, and where nobody reads on.
  yield* file.createReadStream({ highWaterMark: PIECE_BYTES });
}

/**
 * An image that stands in a folder in OCI's image layout as an archive, piece by piece. Whoever takes it checks it: the
 * folder is a person's to spoil.
 *
 * @throws system errors
 */
export async function* readLayoutArchive(folder: string): AsyncGenerator<Uint8Array> {
  const index = join(folder, INDEX_FILE);
  if ((await lstat(index)).size > MAX_MANIFEST_BYTES) throw new RangeError(`${index} is too large`);
  const parts = tarParts([
    { name: LAYOUT_FILE, content: { kind: 'bytes', bytes: Buffer.from(LAYOUT_TEXT) } },
    { name: INDEX_FILE, content: { kind: 'bytes', bytes: await readFile(index) } },
    ...(await listBlobs(folder)),
  ]);
  for (const part of parts) {
    if (part.kind === 'bytes') yield part.bytes;
    else yield* readBlob(join(folder, blobPath(part.digest)));
  }
}
