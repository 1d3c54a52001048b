// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { close, read } from 'node:fs';
import { promisify } from 'node:util';
import { createTarPacker, type TarPackController } from 'modern-tar';
import { type FileVersion, modifiedAt } from '../content/file-version.ts';
import { StoreError } from '../content/store-error.ts';
import type { OpenImage } from '../images/open-image.ts';
import { CHECKSUM_LIST, checksumLine } from './checksum-list.ts';

export interface ExportDeps {
  readonly openImage: (path: string) => OpenImage | undefined;
  /** The sha256 of exactly this version of a file, once it is known. */
  readonly digestOf: (path: string, version: FileVersion) => string | undefined;
}

const readAt = promisify(read);
const closeFile = promisify(close);
const PIECE_BYTES = 256 * 1024;

/**
 * Which of the images are meant: those at a path, and those in a folder of that path; none given: all.
 *
 * @throws StoreError IMAGE_MISSING where a path means none
 */
export function selectImages(images: readonly string[], wanted: readonly string[]): string[] {
  if (wanted.length === 0) return [...images];
  const selected = new Set<string>();
  for (const given of wanted) {
    const path = given.replace(/^\/+|\/+$/g, '');
    const matches = images.filter((image) => image === path || image.startsWith(`${path}/`));
    if (matches.length === 0) throw new StoreError('IMAGE_MISSING', `There is no image at "${given}".`);
    for (const match of matches) selected.add(match);
  }
  return [...selected].sort();
}

/**
 * Packs images and their SHA256SUMS, which stands last, into a tar that `tar` and `sha256sum -c` understand.
 *
 * @returns the tar; reading it fails when an image goes, changes or turns out to be corrupt meanwhile
 * @throws StoreError BUNDLE_INVALID when one of the images has the name of the list
 */
export function exportBundle(deps: ExportDeps, paths: readonly string[]): ReadableStream<Uint8Array> {
  if (paths.includes(CHECKSUM_LIST)) {
    const message = `An image has the name ${CHECKSUM_LIST}, which a bundle needs for its list: name the others.`;
    throw new StoreError('BUNDLE_INVALID', message);
  }
  const { readable, controller } = createTarPacker();
  pack(deps, controller, paths).catch((error) => controller.error(error));
  return readable;
}

async function pack(deps: ExportDeps, tar: TarPackController, paths: readonly string[]): Promise<void> {
  let list = '';
  for (const path of paths) {
    const image = deps.openImage(path);
    if (image === undefined) throw new StoreError('IMAGE_MISSING', `"${path}" is gone.`);
    try {
      const sha256 = await packImage(tar, path, image);
      const known = deps.digestOf(image.path, image.version);
      if (known !== undefined && known !== sha256) {
        throw new StoreError(
          'DIGEST_MISMATCH',
          `"${path}" is corrupt: it was ${known}, and is ${sha256} now.`,
        );
      }
      list += checksumLine(sha256, path);
    } finally {
      await closeFile(image.fd);
    }
  }
  const content = Buffer.from(list);
  const writer = tar.add({ name: CHECKSUM_LIST, size: content.length, mode: 0o644 }).getWriter();
  await writer.write(content);
  await writer.close();
  tar.finalize();
}

/** @returns the sha256 of what was packed */
async function packImage(tar: TarPackController, path: string, { fd, version }: OpenImage): Promise<string> {
  const { sizeBytes } = version;
  // tar has no time before 1970 in its plain header.
  const mtime = new Date(Math.max(0, modifiedAt(version).getTime()));
  const writer = tar.add({ name: path, size: sizeBytes, mtime, mode: 0o644 }).getWriter();
  const hash = createHash('sha256');
  for (let position = 0; position < sizeBytes; ) {
    const wanted = Math.min(PIECE_BYTES, sizeBytes - position);
    const { bytesRead, buffer } = await readAt(fd, Buffer.allocUnsafeSlow(wanted), 0, wanted, position);
    if (bytesRead === 0) throw new StoreError('INCOMPLETE', `"${path}" is being written.`);
    const piece = buffer.subarray(0, bytesRead);
    hash.update(piece);
    await writer.write(piece);
    position += bytesRead;
  }
  await writer.close();
  return hash.digest('hex');
}
