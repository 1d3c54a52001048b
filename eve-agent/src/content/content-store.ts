// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { statfsSync } from 'node:fs';
import { chmod, lstat, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { syncDirectory } from '@local-datastore/shared/files/durable-file';
import { makeFolder } from '@local-datastore/shared/files/make-folder';
import {
  filesOfImage,
  type ImageFolder,
  isOfImage,
  type LinkedFile,
  makeImageFolder,
  readImageMark,
  removeImageFolder,
} from './image-folders.ts';
import { linkOrCopy } from './link-file.ts';
import { partialPaths } from './partial-file.ts';

/** What stands on the disk at the start. */
export interface StoreScan {
  /** Whole files whose digest was found right. */
  readonly verified: readonly { readonly sha256: string; readonly sizeBytes: number }[];
  /** Whole files that were not yet moved on. */
  readonly whole: readonly { readonly sha256: string; readonly sizeBytes: number }[];
  readonly partial: readonly { readonly sha256: string; readonly sizeBytes: number }[];
  /** Names that lead to verified files. */
  readonly links: ReadonlyMap<string, string>;
  /** The marks of image layouts, by the names of their folders, whoever made them. */
  readonly imageFolders: ReadonlyMap<string, string>;
}

/** The files of all content, `pending` → `verified`, each named by its digest; and the names that lead there. */
export interface ContentStore {
  /** Makes the folders, removes what an interrupted step left, and says what is there. */
  open(): Promise<StoreScan>;
  /** Where a download puts its file. */
  pendingPath(sha256: string): string;
  verifiedPath(sha256: string): string;
  linkPath(name: string): string;
  /**
   * What stands at a name: nothing that a new link would replace, a file of this size, an image layout, or something
   * else.
   */
  whatStandsAt(
    name: string,
  ): Promise<'nothing' | { readonly sizeBytes: number } | { readonly mark: string } | 'other'>;
  /** Moves a file whose digest is right from `pending` to `verified`; on the disk when it returns. */
  promote(sha256: string): Promise<{ readonly sizeBytes: number }>;
  /** Lets a name lead to verified content, in one step: a hard link, else a reflink, else a copy. */
  link(name: string, sha256: string): Promise<void>;
  /** Lets a name be the folder of an image whose content is verified; its blobs are linked as files are. */
  linkImage(name: string, image: ImageFolder): Promise<void>;
  unlink(name: string): Promise<void>;
  /** The files that an image's name leads to. */
  filesOf(name: string, image: ImageFolder): readonly LinkedFile[];
  /** Whether a file is the very one of verified content, and no copy of it. */
  isHardLink(file: LinkedFile): Promise<boolean>;
  /** Removes all files of some content. */
  remove(sha256: string): Promise<void>;
  /** What downloads may still fill. */
  freeBytes(): number;
}

/** Content by sha256; of blobs that images name so, by sha512. */
const DIGITS = '[0-9a-f]{64}(?:[0-9a-f]{64})?';
const HEX = new RegExp(`^${DIGITS}$`);
const PARTIAL = new RegExp(`^\\.(${DIGITS})\\.partial$`);
const UNFINISHED_LINK = /^\.[0-9a-f]{64}\.(?:link|old)$/;
/** Nobody writes to verified content by accident. */
const READ_ONLY = 0o444;

interface FoundFile {
  readonly name: string;
  readonly dev: number;
  readonly ino: number;
  readonly sizeBytes: number;
  readonly modifiedMs: number;
}

/** Regular files of a folder. */
async function listFiles(folder: string): Promise<FoundFile[]> {
  const names = await readdir(folder);
  const files = await Promise.all(
    names.map(async (name) => {
      const facts = await stat(join(folder, name)).catch(() => null);
      if (!facts?.isFile()) return [];
      const { dev, ino, size, mtimeMs } = facts;
      return [{ name, dev, ino, sizeBytes: size, modifiedMs: mtimeMs }];
    }),
  );
  return files.flat();
}

/** The marks of all image layouts in a folder; what an interrupted step left of one goes. */
async function listImageFolders(folder: string): Promise<Map<string, string>> {
  const marks = new Map<string, string>();
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (!entry.isDirectory()) continue;
    const path = join(folder, entry.name);
    const mark = entry.name.startsWith('.') ? null : await readImageMark(path);
    if (UNFINISHED_LINK.test(entry.name)) await rm(path, { recursive: true, force: true });
    else if (mark !== null) marks.set(entry.name, mark);
  }
  return marks;
}

/**
 * Tells which verified file a name leads to.
 *
 * A hard link is the very file. A copy has its size and its time of change, in whole milliseconds: as a number of
 * seconds a time loses its nanoseconds on the way to the kernel.
 *
 * @returns (the returned function) its digest; undefined: none, or more than one could be meant
 */
function identifyVerified(verified: readonly FoundFile[]): (file: FoundFile) => string | undefined {
  const byNumber = new Map(verified.map(({ dev, ino, name }) => [`${dev} ${ino}`, name]));
  const copyKey = (sizeBytes: number, wholeMs: number) => `${sizeBytes} ${wholeMs}`;
  const byTime = new Map<string, string | undefined>();
  for (const { name, sizeBytes, modifiedMs } of verified) {
    const key = copyKey(sizeBytes, Math.trunc(modifiedMs));
    byTime.set(key, byTime.has(key) ? undefined : name);
  }
  return ({ dev, ino, sizeBytes, modifiedMs }) =>
    byNumber.get(`${dev} ${ino}`) ?? byTime.get(copyKey(sizeBytes, Math.round(modifiedMs)));
}

/**
 * @param stateFolder holds `pending` and `verified`
 * @param imagesFolder where the names stand
 */
export function createContentStore(stateFolder: string, imagesFolder: string): ContentStore {
  const pending = join(stateFolder, 'pending');
  const verified = join(stateFolder, 'verified');
  const pendingPath = (sha256: string) => join(pending, sha256);
  const verifiedPath = (sha256: string) => join(verified, sha256);
  const linkPath = (name: string) => join(imagesFolder, name);
  /** A hidden neighbour of a name. */
  const besides = (name: string, kind: 'link' | 'old') =>
    join(imagesFolder, `.${createHash('sha256').update(name).digest('hex')}.${kind}`);

  return {
    async open() {
      for (const folder of [pending, verified, imagesFolder]) await makeFolder(folder);
      const verifiedFiles = (await listFiles(verified)).filter(({ name }) => HEX.test(name));
      const pendingFiles = await listFiles(pending);
      const digestOf = identifyVerified(verifiedFiles);
      const links = new Map<string, string>();
      for (const file of await listFiles(imagesFolder)) {
        const sha256 = digestOf(file);
        if (UNFINISHED_LINK.test(file.name)) await rm(linkPath(file.name), { force: true });
        else if (sha256 !== undefined) links.set(file.name, sha256);
      }
      const named = ({ name, sizeBytes }: { name: string; sizeBytes: number }) => ({
        sha256: name,
        sizeBytes,
      });
      return {
        verified: verifiedFiles.map(named),
        whole: pendingFiles.filter(({ name }) => HEX.test(name)).map(named),
        partial: pendingFiles.flatMap(({ name, sizeBytes }) => {
          const sha256 = PARTIAL.exec(name)?.[1];
          return sha256 === undefined ? [] : [{ sha256, sizeBytes }];
        }),
        links,
        imageFolders: await listImageFolders(imagesFolder),
      };
    },
    pendingPath,
    verifiedPath,
    linkPath,
    async promote(sha256) {
      await chmod(pendingPath(sha256), READ_ONLY);
      const { size } = await stat(pendingPath(sha256));
      await rename(pendingPath(sha256), verifiedPath(sha256));
      try {
        await syncDirectory(verified);
      } catch (error) {
        // It may not be there after a power loss: it is promoted once more.
        await rename(verifiedPath(sha256), pendingPath(sha256));
        throw error;
      }
      return { sizeBytes: size };
    },
    async whatStandsAt(name) {
      const facts = await lstat(linkPath(name)).catch(() => null);
      if (await isOfImage(linkPath(name))) {
        const mark = await readImageMark(linkPath(name));
        return mark === null ? 'other' : { mark };
      }
      // Another folder is replaced by nothing: the system refuses.
      if (facts === null || facts.isDirectory()) return 'nothing';
      return facts.isFile() ? { sizeBytes: facts.size } : 'other';
    },
    async link(name, sha256) {
      const temporary = besides(name, 'link');
      await rm(temporary, { recursive: true, force: true });
      await linkOrCopy(verifiedPath(sha256), temporary);
      await removeImageFolder(linkPath(name), besides(name, 'old'));
      await rename(temporary, linkPath(name));
      // Renaming one hard link over another of the same file does nothing, and leaves both.
      await rm(temporary, { force: true });
    },
    async linkImage(name, image) {
      const temporary = besides(name, 'link');
      await rm(temporary, { recursive: true, force: true });
      await makeImageFolder(temporary, image, verifiedPath);
      // No folder takes the place of a file, or of one that holds something, in one step.
      const isRemoved = await removeImageFolder(linkPath(name), besides(name, 'old'));
      const facts = isRemoved ? null : await lstat(linkPath(name)).catch(() => null);
      if (facts?.isFile()) await rm(linkPath(name), { force: true });
      await rename(temporary, linkPath(name));
      await syncDirectory(imagesFolder);
    },
    async unlink(name) {
      if (await removeImageFolder(linkPath(name), besides(name, 'old'))) return;
      await rm(linkPath(name), { force: true });
    },
    filesOf: (name, image) => filesOfImage(linkPath(name), image),
    async isHardLink({ path: linked, sha256 }) {
      const [there, here] = await Promise.all(
        [linked, verifiedPath(sha256)].map((path) => stat(path).catch(() => null)),
      );
      return there != null && here != null && there.dev === here.dev && there.ino === here.ino;
    },
    async remove(sha256) {
      const { file, record } = partialPaths(pendingPath(sha256));
      for (const path of [file, record, pendingPath(sha256), verifiedPath(sha256)])
        await rm(path, { force: true });
    },
    freeBytes() {
      const { bavail, bsize } = statfsSync(stateFolder);
      return bavail * bsize;
    },
  };
}
