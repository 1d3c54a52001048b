// SPDX-License-Identifier: Apache-2.0
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { systemErrorCode } from '@local-datastore/shared/errors';
import { readLines } from '@local-datastore/shared/files/file-lines';
import { numberedFileName, numbersOf } from '@local-datastore/shared/files/numbered-files';
import { type ClosedFolder, createFolderMaker, openClosedFolder } from '../content/closed-folder.ts';

/** Where a line begins: in which of the files, and at which byte. */
export interface LinePlace {
  readonly file: number;
  readonly start: number;
}

export interface KeptLine extends LinePlace {
  /** ASCII, without its line break. */
  readonly text: string;
}

/**
 * Lines in numbered files of one folder, of which the oldest go. Several processes may append at a time: a line is
 * written by one call, behind whatever is there. No link is followed.
 */
export interface LineFiles {
  /**
   * Appends lines, which are on the disk when this returns.
   *
   * @param lines ASCII, without line breaks
   * @param onWritten told after each that is in the file
   * @throws the system's error where one cannot be written; those before it are there
   */
  append(lines: readonly string[], onWritten: () => void): Promise<void>;
  /**
   * The lines, the newest first; what a crash tore is among them, and is no line of anybody's. One file is held at a
   * time.
   *
   * @param before those that begin before it; undefined: all
   * @throws the system's error where they cannot be read
   */
  backwards(before: LinePlace | undefined): AsyncGenerator<KeptLine>;
}

export interface LineFilesOptions {
  /** Absolute; the folder above it has to be there. */
  readonly folder: string;
  /** A file that is as long is followed by another. */
  readonly maxFileBytes: number;
  /** As many are kept, the one that is written included. */
  readonly maxFiles: number;
}

const { O_RDONLY, O_RDWR, O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK } = constants;
const APPEND_FLAGS = O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK;
const READ_FLAGS = O_RDONLY | O_NOFOLLOW | O_NONBLOCK;
const OWN_FILE = 0o600;
/** No line that is written is longer: its texts are cut, and each of their characters takes six bytes at most. */
const MAX_LINE_BYTES = 32 * 1024;
const LINE_BREAK = 0x0a;

async function openRegular(path: string, flags: number): Promise<FileHandle> {
  const handle = await open(path, flags, OWN_FILE);
  if ((await handle.stat()).isFile()) return handle;
  await handle.close();
  throw new Error(`${basename(path)} is no regular file`);
}

/** Whether what stands at the end of a file is a line: a crash, or a disk that was full, may have cut it. */
async function endsWhole(handle: FileHandle, sizeBytes: number): Promise<boolean> {
  if (sizeBytes === 0) return true;
  const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, sizeBytes - 1);
  return buffer[0] === LINE_BREAK;
}

export function createLineFiles({ folder, maxFileBytes, maxFiles }: LineFilesOptions): LineFiles {
  const [base, name] = [dirname(folder), basename(folder)];
  const makeFolder = createFolderMaker(base);

  /** The file to append to: the last one, or one behind it where that is full. */
  async function openLast(opened: ClosedFolder): Promise<{ handle: FileHandle; isNew: boolean }> {
    const numbers = numbersOf(opened.names());
    const last = numbers.at(-1);
    if (last !== undefined) {
      const handle = await openRegular(opened.entry(numberedFileName(last)), APPEND_FLAGS);
      if ((await handle.stat()).size < maxFileBytes) return { handle, isNew: false };
      await handle.close();
    }
    for (const number of numbers.slice(0, Math.max(0, numbers.length - maxFiles + 1))) {
      opened.remove(numberedFileName(number));
    }
    // Another process may make it as well: then both append to it.
    return {
      handle: await openRegular(opened.entry(numberedFileName((last ?? 0) + 1)), APPEND_FLAGS),
      isNew: true,
    };
  }

  async function appendTo(
    handle: FileHandle,
    lines: readonly string[],
    onWritten: () => void,
  ): Promise<void> {
    let isWhole = await endsWhole(handle, (await handle.stat()).size);
    for (const line of lines) {
      const bytes = Buffer.from(`${isWhole ? '' : '\n'}${line}\n`, 'latin1');
      const { bytesWritten } = await handle.write(bytes);
      if (bytesWritten < bytes.length) {
        throw Object.assign(new Error('there is no room for a whole line'), { code: 'ENOSPC' });
      }
      isWhole = true;
      onWritten();
    }
    await handle.datasync();
  }

  /** The lines of one file, in their order. */
  async function linesOf(opened: ClosedFolder, file: number): Promise<KeptLine[]> {
    let handle: FileHandle;
    try {
      handle = await openRegular(opened.entry(numberedFileName(file)), READ_FLAGS);
    } catch (error) {
      // It was the oldest, and went meanwhile.
      if (systemErrorCode(error) === 'ENOENT') return [];
      throw error;
    }
    try {
      const lines: KeptLine[] = [];
      let start = 0;
      for await (const { text, end, isWhole } of readLines(handle, 0, MAX_LINE_BYTES)) {
        if (isWhole) lines.push({ file, start, text });
        start = end;
      }
      return lines;
    } finally {
      await handle.close();
    }
  }

  return {
    async append(lines, onWritten) {
      await makeFolder([name]);
      const opened = openClosedFolder(base, [name]);
      if (opened === undefined) throw new Error(`${folder} was removed`);
      try {
        const { handle, isNew } = await openLast(opened);
        try {
          await appendTo(handle, lines, onWritten);
        } finally {
          await handle.close();
        }
        if (isNew) await opened.sync();
      } finally {
        opened.close();
      }
    },

    async *backwards(before) {
      const opened = openClosedFolder(base, [name]);
      if (opened === undefined) return;
      try {
        for (const file of numbersOf(opened.names()).reverse()) {
          if (before !== undefined && file > before.file) continue;
          for (const line of (await linesOf(opened, file)).reverse()) {
            if (before === undefined || file < before.file || line.start < before.start) yield line;
          }
        }
      } finally {
        opened.close();
      }
    },
  };
}
