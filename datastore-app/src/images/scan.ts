import type { Dirent } from 'node:fs';
import { lstat, readdir, realpath, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
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
  /** Symbolic links to files that are images, and the paths of those. */
  readonly links: ReadonlyMap<string, string>;
  /** Of the file system that stands at the root. */
  readonly device: bigint;
  /** Relative to the root, which is the empty path itself. */
  readonly directories: readonly string[];
  /** True when there are more files than `maxFiles`; which of them are missing is not defined. */
  readonly isTruncated: boolean;
}

/** What may happen to an entry between readdir and lstat, or to a directory that is not ours to read. */
const PASSED_OVER = new Set(['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM']);

/**
 * Lists the images below a root: regular files with names that may be seen, each once at its own place, and
 * links to them. Links to folders are not followed.
 *
 * @param root without symbolic links
 * @throws system errors of the root itself, and such as EIO or EMFILE of anything below
 */
export async function scanImages(root: string, maxFiles: number, signal: AbortSignal): Promise<Scan> {
  const files: ScannedFile[] = [];
  const links = new Map<string, string>();
  const directories: string[] = [];
  const { dev: device } = await stat(root, { bigint: true });
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
      if (!entry.isFile() && !entry.isSymbolicLink()) continue;
      if (files.length + links.size >= maxFiles) {
        return { files, links, device, directories, isTruncated: true };
      }
      if (entry.isSymbolicLink()) {
        const target = await imageBehind(root, path);
        if (target !== undefined) links.set(path, target);
        continue;
      }
      const version = await versionAt(join(root, path));
      if (version !== undefined) files.push({ path, version });
    }
  }
  files.sort((left, right) => (left.path < right.path ? -1 : 1));
  return { files, links, device, directories, isTruncated: false };
}

/** The path of the file to which a link leads; undefined where that is no image of this root. */
async function imageBehind(root: string, path: string): Promise<string | undefined> {
  try {
    const file = await realpath(join(root, path));
    const target = relative(root, file);
    return isImagePath(target) && (await stat(file)).isFile() ? target : undefined;
  } catch {
    // It leads nowhere, or in a circle, or to what is not ours to see.
    return undefined;
  }
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
