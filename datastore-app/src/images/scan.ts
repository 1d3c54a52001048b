import type { Dirent } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type FileVersion, versionOf } from './file-version.ts';
import { isImagePath, MAX_DEPTH } from './image-path.ts';

/** What is listed at most; more is served, but not hashed nor listed. */
export const MAX_IMAGES = 100_000;

export interface ScannedFile {
  /** Relative to the root. */
  readonly path: string;
  readonly version: FileVersion;
}

export interface Scan {
  readonly files: readonly ScannedFile[];
  /** Whether there are more than MAX_IMAGES. */
  readonly isCut: boolean;
}

/** Lists the regular files below a root that may be seen from outside. Symbolic links are not followed. */
export async function scanImages(root: string): Promise<Scan> {
  const files: ScannedFile[] = [];
  const folders = [''];
  for (const folder of folders) {
    let entries: Dirent[];
    try {
      entries = await readdir(join(root, folder), { withFileTypes: true });
    } catch (error) {
      if (folder === '') throw error;
      // Removed, or closed to us, since its parent was read.
      continue;
    }
    for (const entry of entries) {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (!isImagePath(path)) continue;
      if (entry.isDirectory() && path.split('/').length < MAX_DEPTH) folders.push(path);
      if (!entry.isFile()) continue;
      if (files.length === MAX_IMAGES) return { files, isCut: true };
      const stat = await lstat(join(root, path), { bigint: true }).catch(() => null);
      if (stat?.isFile()) files.push({ path, version: versionOf(stat) });
    }
  }
  return { files, isCut: false };
}
