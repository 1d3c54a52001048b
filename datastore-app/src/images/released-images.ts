// SPDX-License-Identifier: Apache-2.0
import { readFileSync, statSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { errorMessage, systemErrorCode } from '@local-datastore/shared/errors';
import { writeDurably } from '@local-datastore/shared/files/durable-file';
import { waitForLock } from '@local-datastore/shared/files/exclusive-lock';
import * as z from 'zod';
import { StoreError } from '../content/store-error.ts';
import { isImagePath } from './image-path.ts';

/** The mark of an image that stays as it is. */
export interface Release {
  /** Of the content that was released; 64 hexadecimal digits. */
  readonly sha256: string;
  /** ISO 8601. */
  readonly at: string;
}

/**
 * The marks of released images, in a file of the root: a stick carries them along. They are read again when the file
 * changes, so that every process that writes images holds to them.
 */
export interface ReleasedImages {
  /** @param path where the file really stands @throws StoreError NOT_WRITABLE where the marks cannot be understood */
  find(path: string): Release | undefined;
  /** All that can be understood, by path. */
  list(): ReadonlyMap<string, Release>;
  /** Another one whenever {@link ReleasedImages.list} may say something else. */
  revision(): string;
  /** Sets a mark, or takes it away; it survives a power cut from then on. @returns whether that changed anything */
  set(path: string, release: Release | undefined): Promise<boolean>;
}

const FILE = '.released.json';
const MAX_FILE_BYTES = 64 * 1024 * 1024;
const LOCK_NAME = 'local-datastore/released';
const MAX_LOCK_MS = 10_000;

const fileSchema = z.object({ version: z.literal(1), images: z.array(z.unknown()) });
const markSchema = z.object({
  path: z.string().refine(isImagePath),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  at: z.iso.datetime(),
});

type Marks = ReadonlyMap<string, Release>;

function parseMarks(text: string): Marks {
  const { images } = fileSchema.parse(JSON.parse(text));
  // One that cannot be understood stops none of the others.
  const marks = images.flatMap((image) => markSchema.safeParse(image).data ?? []);
  return new Map(marks.map(({ path, ...release }) => [path, release]));
}

const marksText = (marks: Marks): string =>
  `${JSON.stringify({ version: 1, images: Array.from(marks, ([path, release]) => ({ path, ...release })) })}\n`;

/** @param root without symbolic links */
export function createReleasedImages(root: string): ReleasedImages {
  const file = join(root, FILE);
  let known: { readonly revision: string; readonly marks: Marks; readonly trouble: string | undefined } = {
    ...{ revision: '', marks: new Map(), trouble: undefined },
  };

  /** Synchronous: what is decided by it still holds when it is done. */
  function look(): typeof known {
    let revision = '';
    try {
      const { mtimeNs, size, ino } = statSync(file, { bigint: true });
      revision = `${ino}-${size}-${mtimeNs}`;
      if (revision === known.revision) return known;
      if (size > BigInt(MAX_FILE_BYTES)) throw new Error(`it has ${size} bytes`);
      known = { revision, marks: parseMarks(readFileSync(file, 'utf8')), trouble: undefined };
    } catch (error) {
      const isAbsent = systemErrorCode(error) === 'ENOENT';
      const trouble = isAbsent ? undefined : errorMessage(error).replace(/\s+/g, ' ').slice(0, 200);
      known = { revision, marks: new Map(), trouble };
    }
    return known;
  }

  function requireUnderstood(): Marks {
    const { marks, trouble } = look();
    if (trouble === undefined) return marks;
    throw new StoreError(
      'NOT_WRITABLE',
      `${FILE} in the root says which images are released, and cannot be understood (${trouble}): put it right, or remove it.`,
    );
  }

  /** One change at a time, of whatever process. */
  async function lock(): Promise<() => void> {
    const { dev, ino } = await stat(root);
    const release = await waitForLock(`${LOCK_NAME}/${dev}/${ino}`, MAX_LOCK_MS);
    if (release !== null) return release;
    throw new StoreError('NOT_WRITABLE', 'another process has been changing what is released for 10 s');
  }

  return {
    find: (path) => requireUnderstood().get(path),
    list: () => look().marks,
    revision: () => look().revision,
    async set(path, release) {
      const unlock = await lock();
      try {
        const marks = new Map(requireUnderstood());
        const before = marks.get(path);
        if (before?.sha256 === release?.sha256) return false;
        if (release === undefined) marks.delete(path);
        else marks.set(path, release);
        await writeDurably(file, marksText(marks));
        return true;
      } finally {
        unlock();
      }
    },
  };
}

/**
 * Whether an image may be changed, or come to be, at a path.
 *
 * @param change.sha256 of what is to come there; where it is what was released, and is gone, it may come back
 * @throws StoreError IMAGE_RELEASED
 */
export function requireNotReleased(
  released: Pick<ReleasedImages, 'find'>,
  path: string,
  { isThere, sha256 }: { readonly isThere: boolean; readonly sha256?: string | undefined },
): void {
  const release = released.find(path);
  if (release === undefined || (!isThere && (sha256 === undefined || sha256 === release.sha256))) return;
  throw new StoreError(
    'IMAGE_RELEASED',
    `"${path}" was released, and stays as it is: datastore-app images release --undo lets it go.`,
  );
}
