// SPDX-License-Identifier: Apache-2.0
import { lstat, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { syncDirectory, writeSynced } from '@local-datastore/shared/files/durable-file';
import { makeFolder } from '@local-datastore/shared/files/make-folder';
import { contentDigest } from '@local-datastore/shared/oci/content-digest';
import { digestOfHex } from '@local-datastore/shared/oci/digest';
import { blobPath, INDEX_FILE, LAYOUT_FILE, LAYOUT_TEXT } from '@local-datastore/shared/oci/image-archive';
import { MAX_MANIFEST_BYTES } from '@local-datastore/shared/oci/manifest';
import { linkOrCopy } from './link-file.ts';

/** An image whose blobs are verified content, as a folder in OCI's image layout. */
export interface ImageFolder {
  /** Which image stands there, and by which name: told from its `index.json`. */
  readonly mark: string;
  readonly indexText: string;
  /** The digits of manifest, configuration and layers: 64 of sha256, 128 of sha512. */
  readonly blobs: readonly string[];
}

/** A file that a name leads to, and the digest of what it holds. */
export interface LinkedFile {
  readonly path: string;
  readonly sha256: string;
}

const MARK = 'oci:';
/** As its blobs are: nobody writes there by accident. */
const READ_ONLY = 0o444;
const FILES = new Set([LAYOUT_FILE, INDEX_FILE, 'blobs']);

export const isImageMark = (mark: string): boolean => mark.startsWith(MARK);

/** @param blobs digits of manifest, configuration and layers */
export const imageFolder = (indexText: string, blobs: readonly string[]): ImageFolder => ({
  mark: `${MARK}${contentDigest(indexText).hex}`,
  indexText,
  blobs,
});

/** Whether a folder holds nothing but what belongs into an image layout, and some of that. */
export async function isOfImage(folder: string): Promise<boolean> {
  try {
    if (!(await lstat(folder)).isDirectory()) return false;
    const names = await readdir(folder);
    return names.length > 0 && names.every((name) => FILES.has(name));
  } catch {
    return false;
  }
}

/** @returns the mark of what stands in a folder; null: it is no image layout alone, or none at all */
export async function readImageMark(folder: string): Promise<string | null> {
  try {
    if (!(await isOfImage(folder))) return null;
    const index = join(folder, INDEX_FILE);
    const facts = await lstat(index);
    if (!facts.isFile() || facts.size > MAX_MANIFEST_BYTES) return null;
    return `${MARK}${contentDigest(await readFile(index)).hex}`;
  } catch {
    return null;
  }
}

/**
 * Makes the folder of an image where nothing stands yet. It is on the disk when this returns.
 *
 * @param verifiedPath where the content of a digest is
 */
export async function makeImageFolder(
  folder: string,
  { indexText, blobs }: ImageFolder,
  verifiedPath: (sha256: string) => string,
): Promise<void> {
  const blobFolders = new Set(blobs.map((hex) => dirname(join(folder, blobPath(digestOfHex(hex))))));
  for (const path of blobFolders) await makeFolder(path);
  for (const hex of blobs) await linkOrCopy(verifiedPath(hex), join(folder, blobPath(digestOfHex(hex))));
  await writeSynced(join(folder, LAYOUT_FILE), LAYOUT_TEXT, { mode: READ_ONLY });
  await writeSynced(join(folder, INDEX_FILE), indexText, { mode: READ_ONLY });
  for (const path of [...blobFolders, join(folder, 'blobs'), folder]) await syncDirectory(path);
}

/** The files of an image's folder as they have to be. */
export function filesOfImage(folder: string, { indexText, blobs }: ImageFolder): LinkedFile[] {
  return [
    { path: join(folder, LAYOUT_FILE), sha256: contentDigest(LAYOUT_TEXT).hex },
    { path: join(folder, INDEX_FILE), sha256: contentDigest(indexText).hex },
    ...blobs.map((hex) => ({ path: join(folder, blobPath(digestOfHex(hex))), sha256: hex })),
  ];
}

/**
 * Takes the folder of an image away, so that nobody sees half of it. What holds anything else stays.
 *
 * @param aside where it is moved before it goes
 * @returns whether there is none any more
 */
export async function removeImageFolder(folder: string, aside: string): Promise<boolean> {
  if (!(await isOfImage(folder))) return false;
  await rm(aside, { recursive: true, force: true });
  await rename(folder, aside);
  await rm(aside, { recursive: true, force: true });
  return true;
}
