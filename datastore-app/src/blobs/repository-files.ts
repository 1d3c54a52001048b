// SPDX-License-Identifier: Apache-2.0
import { closeSync, constants, fstatSync, futimesSync, openSync, readFileSync } from 'node:fs';
import { errorMessage } from '@local-datastore/shared/errors';
import { parseOciDigest } from '@local-datastore/shared/oci/digest';
import { isRepositoryName } from '@local-datastore/shared/oci/reference';
import {
  type ClosedFolder,
  createFolderMaker,
  inFolder,
  openClosedFolder,
  replaceFile,
} from '../content/closed-folder.ts';
import type { DigestText } from './blob-files.ts';

/** A lease that was found at the start. */
export interface FoundLease {
  readonly digest: DigestText;
  /** By the clock of the wall, which may have been set since. */
  readonly modifiedMs: number;
}

/** What stands in the folder of a repository. */
export interface FoundRepository {
  readonly name: string;
  /** The text of its record; undefined: it has none. */
  readonly text: string | undefined;
  /** Why its record cannot be read. */
  readonly trouble: string | undefined;
  readonly leases: readonly FoundLease[];
}

/**
 * The files of repositories, below `.oci/repositories`: the slashes of a name are folders, and what belongs to the
 * name itself begins with `_`, with which no part of a name begins: the record, and leases, each an empty file of
 * the digest's name, whose modification time says since when.
 */
export interface RepositoryFiles {
  /** @param onTrouble hears of folders that cannot be read */
  load(onTrouble: (reason: string) => void): Iterable<FoundRepository>;
  /** Replaces the record; it survives a power cut from then on. */
  save(name: string, text: string): Promise<void>;
  /** The text of a record; undefined: there is none, or it cannot be read. */
  read(name: string): string | undefined;
  /** Removes a record, and folders that hold nothing any more; it survives a power cut from then on. */
  remove(name: string): Promise<void>;
  /**
   * Writes, or renews, a lease.
   *
   * @param options.atMs by the clock of the wall
   * @param options.isDurable whether it survives a power cut from then on
   */
  lease(
    name: string,
    digest: DigestText,
    options: { readonly atMs: number; readonly isDurable: boolean },
  ): Promise<void>;
  removeLease(name: string, digest: DigestText): void;
}

const TOP = ['.oci', 'repositories'];
const RECORD = '_repository.json';
const LEASES = '_leases';
const MAX_RECORD_BYTES = 256 * 1024 * 1024;
const READ_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY;
const LEASE_FLAGS = constants.O_WRONLY | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK;

const folderOf = (name: string) => [...TOP, ...name.split('/')];
const leaseFile = (digest: DigestText) => digest.replace(':', '-');

function readRecord(folder: ClosedFolder): string {
  const fd = openSync(folder.entry(RECORD), READ_FLAGS);
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) throw new Error('it is no file');
    if (stat.size > MAX_RECORD_BYTES) throw new Error(`it has ${stat.size} bytes`);
    return readFileSync(fd, 'utf8');
  } finally {
    closeSync(fd);
  }
}

/** @param root without symbolic links */
export function createRepositoryFiles(root: string): RepositoryFiles {
  const makeFolder = createFolderMaker(root);

  function readLeases(path: readonly string[]): FoundLease[] {
    const read = ({ names, stat }: ClosedFolder) =>
      names().flatMap((file) => {
        const digest = file.replace('-', ':');
        const found = parseOciDigest(digest) && stat(file);
        return found?.isFile() ? [{ digest, modifiedMs: found.mtimeMs }] : [];
      });
    return inFolder(root, [...path, LEASES], read) ?? [];
  }

  function readOne(folder: ClosedFolder, path: readonly string[], names: readonly string[]) {
    const name = path.slice(TOP.length).join('/');
    const leases = names.includes(LEASES) ? readLeases(path) : [];
    if (!names.includes(RECORD)) return { name, text: undefined, trouble: undefined, leases };
    try {
      return { name, text: readRecord(folder), trouble: undefined, leases };
    } catch (error) {
      return { name, text: undefined, trouble: errorMessage(error), leases };
    }
  }

  function* walk(path: readonly string[], onTrouble: (reason: string) => void): Generator<FoundRepository> {
    let parts: string[] = [];
    let found: FoundRepository | undefined;
    try {
      inFolder(root, path, (folder) => {
        const names = folder.names();
        const isNamed = path.length > TOP.length;
        if (isNamed && (names.includes(RECORD) || names.includes(LEASES)))
          found = readOne(folder, path, names);
        const isPart = (each: string) =>
          !each.startsWith('_') && isRepositoryName([...path.slice(TOP.length), each].join('/'));
        parts = names.filter((each) => isPart(each) && folder.stat(each)?.isDirectory());
      });
    } catch (error) {
      onTrouble(`${path.join('/')} cannot be read: ${errorMessage(error)}`);
    }
    if (found !== undefined) yield found;
    for (const part of parts) yield* walk([...path, part], onTrouble);
  }

  async function within(
    path: readonly string[],
    work: (folder: ClosedFolder) => Promise<void>,
  ): Promise<void> {
    await makeFolder(path);
    const folder = openClosedFolder(root, path);
    if (folder === undefined) throw new Error(`${path.join('/')} was removed`);
    try {
      await work(folder);
    } finally {
      folder.close();
    }
  }

  return {
    load: (onTrouble) => walk(TOP, onTrouble),

    save: (name, text) => within(folderOf(name), (folder) => replaceFile(folder, RECORD, text)),

    read(name) {
      try {
        return inFolder(root, folderOf(name), readRecord);
      } catch {
        return undefined;
      }
    },

    async remove(name) {
      const path = folderOf(name);
      const folder = openClosedFolder(root, path);
      if (folder === undefined) return;
      try {
        if (folder.remove(RECORD)) await folder.sync();
      } finally {
        folder.close();
      }
      // Folders with leases, and with other repositories below them, stay.
      for (let depth = path.length; depth > TOP.length; depth -= 1) {
        inFolder(root, path.slice(0, depth - 1), ({ removeFolder }) => removeFolder(path[depth - 1] ?? ''));
      }
    },

    lease: (name, digest, { atMs, isDurable }) =>
      within([...folderOf(name), LEASES], async (folder) => {
        const fd = openSync(folder.entry(leaseFile(digest)), LEASE_FLAGS, 0o644);
        try {
          futimesSync(fd, atMs / 1000, atMs / 1000);
        } finally {
          closeSync(fd);
        }
        if (isDurable) await folder.sync();
      }),

    removeLease(name, digest) {
      inFolder(root, [...folderOf(name), LEASES], ({ remove }) => remove(leaseFile(digest)));
    },
  };
}
