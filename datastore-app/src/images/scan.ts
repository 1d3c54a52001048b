// SPDX-License-Identifier: Apache-2.0
import type { Dirent } from 'node:fs';
import { lstat, readdir, realpath, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { systemErrorCode } from '@local-datastore/shared/errors';
import { type FileVersion, versionOf } from '../content/file-version.ts';
import { isImagePath, MAX_DEPTH } from './image-path.ts';

export interface ScannedFile {
  /** Relative to the root. */
  readonly path: string;
  readonly version: FileVersion;
  /** It has further names: a change of it, or of their number, may come by any of them. */
  readonly hasOtherNames: boolean;
}

/** What was found at some paths. */
export interface FoundImages {
  /** In the order of their paths. */
  readonly files: readonly ScannedFile[];
  /** Symbolic links to images and to folders below the root, and the paths of those. */
  readonly links: ReadonlyMap<string, string>;
  /** All symbolic links with names that may be seen. */
  readonly allLinks: readonly string[];
  /** Relative to the root, which is the empty path itself. */
  readonly directories: readonly string[];
  /** True when there are more files than `maxFiles`; which of them are missing is not defined. */
  readonly isTruncated: boolean;
}

export interface Scan extends FoundImages {
  /** Of the file system that stands at the root. */
  readonly device: bigint;
}

/** Hears of each directory before it is listed. */
export type OnDirectory = (directory: string) => Promise<void>;

/** What may happen to an entry between readdir and lstat, or to a directory that is not ours to read. */
const PASSED_OVER = new Set(['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM']);

/** Collects what stands at paths of a root. */
function createCollector(root: string, maxFiles: number, signal: AbortSignal, onDirectory?: OnDirectory) {
  const files: ScannedFile[] = [];
  const links = new Map<string, string>();
  const allLinks: string[] = [];
  const directories: string[] = [];
  let isTruncated = false;

  async function takeLink(path: string): Promise<void> {
    allLinks.push(path);
    const target = await placeBehind(root, path);
    if (target !== undefined) links.set(path, target);
  }

  async function takeFile(path: string): Promise<void> {
    const scanned = await fileAt(root, path);
    if (scanned !== undefined) files.push(scanned);
  }

  return {
    takeLink,
    takeFile,
    /** Takes all below a directory, until there are too many. */
    async takeDirectory(top: string): Promise<void> {
      const waiting = [top];
      for (let directory = waiting.pop(); directory !== undefined; directory = waiting.pop()) {
        signal.throwIfAborted();
        await onDirectory?.(directory);
        const entries = await entriesOf(root, directory);
        if (entries === undefined) continue;
        directories.push(directory);
        for (const entry of entries) {
          const path = directory === '' ? entry.name : `${directory}/${entry.name}`;
          if (!isImagePath(path)) continue;
          if (entry.isDirectory() && path.split('/').length < MAX_DEPTH) waiting.push(path);
          if (!entry.isFile() && !entry.isSymbolicLink()) continue;
          if (files.length + links.size >= maxFiles) {
            isTruncated = true;
            return;
          }
          if (entry.isSymbolicLink()) await takeLink(path);
          else await takeFile(path);
        }
      }
    },
    found(): FoundImages {
      files.sort((left, right) => (left.path < right.path ? -1 : 1));
      return { files, links, allLinks, directories, isTruncated };
    },
  };
}

/**
 * Lists the images below a root: regular files with names that may be seen, each once at its own place, and
 * links to them and to folders. Links to folders are not followed.
 *
 * @param root without symbolic links
 * @throws system errors of the root itself, and such as EIO or EMFILE of anything below
 */
export async function scanImages(
  root: string,
  maxFiles: number,
  signal: AbortSignal,
  onDirectory?: OnDirectory,
): Promise<Scan> {
  const { dev: device } = await stat(root, { bigint: true });
  const collector = createCollector(root, maxFiles, signal, onDirectory);
  await collector.takeDirectory('');
  return { ...collector.found(), device };
}

/**
 * Looks at some paths alone, and at all below those that are directories.
 *
 * @param paths relative to the root; such as may not be seen are passed over
 * @throws as {@link scanImages}
 */
export async function scanPaths(
  root: string,
  paths: Iterable<string>,
  maxFiles: number,
  signal: AbortSignal,
  onDirectory?: OnDirectory,
): Promise<FoundImages> {
  const collector = createCollector(root, maxFiles, signal, onDirectory);
  for (const path of paths) {
    signal.throwIfAborted();
    if (!isImagePath(path)) continue;
    const there = await lstat(join(root, path)).catch(unlessPassedOver);
    if (there?.isSymbolicLink()) await collector.takeLink(path);
    else if (there?.isDirectory()) await collector.takeDirectory(path);
    else if (there?.isFile()) await collector.takeFile(path);
  }
  return collector.found();
}

/**
 * Where a path really stands, if the folder of it is a link to another; the path itself where there is no such
 * folder any more.
 *
 * @param root without symbolic links
 */
export async function placeOf(root: string, path: string): Promise<string> {
  const end = path.lastIndexOf('/');
  if (end === -1) return path;
  const folder = await realpath(join(root, path.slice(0, end))).catch(unlessPassedOver);
  return folder === undefined ? path : relative(root, join(folder, path.slice(end + 1)));
}

/** The path of the image or folder to which a link leads; undefined where that is none of this root. */
async function placeBehind(root: string, path: string): Promise<string | undefined> {
  try {
    const place = await realpath(join(root, path));
    const target = relative(root, place);
    if (!isImagePath(target)) return undefined;
    const there = await stat(place);
    return there.isFile() || there.isDirectory() ? target : undefined;
  } catch {
    // It leads nowhere, or in a circle, or to what is not ours to see.
    return undefined;
  }
}

/** @throws any error but that there is nothing, or nothing that is ours to see */
function unlessPassedOver(error: unknown): undefined {
  if (!PASSED_OVER.has(systemErrorCode(error) ?? '')) throw error;
}

async function entriesOf(root: string, directory: string): Promise<Dirent[] | undefined> {
  const reading = readdir(join(root, directory), { withFileTypes: true });
  return directory === '' ? reading : reading.catch(unlessPassedOver);
}

async function fileAt(root: string, path: string): Promise<ScannedFile | undefined> {
  const stat = await lstat(join(root, path), { bigint: true }).catch(unlessPassedOver);
  if (stat?.isFile() !== true) return undefined;
  return { path, version: versionOf(stat), hasOtherNames: stat.nlink > 1n };
}
