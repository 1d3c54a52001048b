import type { Dirent } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { systemErrorCode } from '@local-datastore/shared/errors';
import { type FileVersion, versionOf } from './file-version.ts';
import { isImagePath, MAX_DEPTH } from './image-path.ts';

export interface ScannedFile {
  /** Relative to the root. */
  readonly path: string;
  readonly version: FileVersion;
}

export interface Scan {
  /** In the order of their paths. */
  readonly files: readonly ScannedFile[];
  /** Relative to the root, which is the empty path itself. */
  readonly directories: readonly string[];
  /** True when there are more files than `maxFiles`; which of them are missing is not defined. */
  readonly isTruncated: boolean;
}

/** What may happen to an entry between readdir and lstat, or to a directory that is not ours to read. */
const PASSED_OVER = new Set(['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM']);

/**
 * Lists the images below a root: regular files with names that may be seen. Symbolic links are not followed,
 * so that every file is listed once, at its own place.
 *
 * @throws system errors of the root itself, and such as EIO or EMFILE of anything below
 */
export async function scanImages(root: string, maxFiles: number, signal: AbortSignal): Promise<Scan> {
  const files: ScannedFile[] = [];
  const directories: string[] = [];
  const waiting = [''];
  for (let directory = waiting.pop(); directory !== undefined; directory = waiting.pop()) {
    signal.throwIfAborted();
    const entries = await entriesOf(root, directory);
    if (entries === undefined) continue;
    directories.push(directory);
    for (const entry of entries) {
      const path = directory === '' ? entry.name : `${directory}/${entry.name}`;
      if (!isImagePath(path)) continue;
      if (entry.isDirectory() && path.split('/').length < MAX_DEPTH) waiting.push(path);
      if (!entry.isFile()) continue;
      if (files.length >= maxFiles) return { files, directories, isTruncated: true };
      const version = await versionAt(join(root, path));
      if (version !== undefined) files.push({ path, version });
    }
  }
  files.sort((left, right) => (left.path < right.path ? -1 : 1));
  return { files, directories, isTruncated: false };
}

async function entriesOf(root: string, directory: string): Promise<Dirent[] | undefined> {
  try {
    return await readdir(join(root, directory), { withFileTypes: true });
  } catch (error) {
    if (directory !== '' && PASSED_OVER.has(systemErrorCode(error) ?? '')) return undefined;
    throw error;
  }
}

async function versionAt(file: string): Promise<FileVersion | undefined> {
  try {
    const stat = await lstat(file, { bigint: true });
    return stat.isFile() ? versionOf(stat) : undefined;
  } catch (error) {
    if (PASSED_OVER.has(systemErrorCode(error) ?? '')) return undefined;
    throw error;
  }
}
