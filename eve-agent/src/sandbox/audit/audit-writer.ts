// SPDX-License-Identifier: Apache-2.0
import { constants } from 'node:fs';
import { type FileHandle, lstat, open, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { systemErrorCode } from '@local-datastore/shared/errors';
import { syncDirectory } from '@local-datastore/shared/files/durable-file';
import { makeFolder } from '@local-datastore/shared/files/make-folder';
import { listNumberedFiles, numberedFileName } from '@local-datastore/shared/files/numbered-files';
import { writeAuditHead } from './audit-folder.ts';
import { type AuditFact, CHAIN_START, type ChainPlace, chainLine, factOf } from './audit-line.ts';
import { type ResumedChain, resumeChain } from './resume-chain.ts';

export interface AuditWriterOptions {
  readonly folder: string;
  /** Of the host, so that clocks that were set anew are told from restarts. */
  readonly boot: string;
  /** A file that is as long is followed by another. */
  readonly maxFileBytes: number;
  /** As many are kept, the one that is written included. */
  readonly maxFiles: number;
  now(): Date;
}

/** The files of the log. One call at a time. */
export interface AuditWriter {
  /**
   * Writes lines behind those that are there; they are on the disk when this returns, and none is when it throws.
   *
   * @returns why the head could not be written, which is made good by the next call; null when it was
   */
  write(facts: readonly AuditFact[]): Promise<unknown>;
  /** Of the last line on the disk; {@link CHAIN_START} until the first call. */
  place(): ChainPlace;
  close(): Promise<void>;
}

interface OpenFile extends ChainPlace {
  readonly handle: FileHandle;
  readonly file: number;
  readonly bytes: number;
  readonly first: number;
}

/** Read and written; no link in its place is followed. */
const FLAGS = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW;
const OWN_FILE = 0o600;
const OWN_FOLDER = 0o700;

export function createAuditWriter(options: AuditWriterOptions): AuditWriter {
  const { folder, boot, maxFileBytes, maxFiles, now } = options;
  let opened: OpenFile | null = null;
  /** The first lines of the next batch: what was found, or that a file follows another. */
  let opening: AuditFact | null = null;
  let last: ChainPlace = CHAIN_START;

  /** A line of the log's own about one of its files. */
  const ownFact = (op: string, file: number, verdict: string): AuditFact =>
    factOf({ actor: 'audit', op, path: `/audit/${numberedFileName(file)}`, verdict }, now());

  async function openFile({
    file,
    bytes,
    first,
    seq,
    hash,
  }: Omit<ResumedChain, 'verdict'>): Promise<OpenFile> {
    // Also where somebody took it away meanwhile.
    await makeFolder(folder, OWN_FOLDER);
    const handle = await open(join(folder, numberedFileName(file)), FLAGS, OWN_FILE);
    try {
      await handle.truncate(bytes);
      await syncDirectory(folder);
      await syncDirectory(dirname(folder));
    } catch (error) {
      await handle.close();
      throw error;
    }
    return { handle, file, bytes, first, seq, hash };
  }

  async function resume(): Promise<OpenFile> {
    await makeFolder(folder, OWN_FOLDER);
    const resumed = await resumeChain(folder);
    const { verdict, file, seq, hash, first } = resumed;
    // A head that is missing is thereby never one of a log that is only new.
    if (seq === 0 && file === 1) await writeAuditHead(folder, { seq, hash, file, bytes: 0, first });
    opening = ownFact(seq === 0 ? 'begin' : 'open', file, verdict);
    return openFile(resumed);
  }

  async function closeFile(): Promise<void> {
    const closing = opened;
    opened = null;
    await closing?.handle.close();
  }

  /** Begins the file after the present one, with a line that links it to the one before. */
  async function beginNext(present: OpenFile, op: string, verdict: string): Promise<OpenFile> {
    const file = present.file + 1;
    const next = await openFile({ ...present, file, bytes: 0 });
    opening = ownFact(op, file, verdict);
    await closeFile();
    return next;
  }

  /** What was done to the file by others, as far as its name and its length tell. */
  async function whyNotOurs({ handle, file, bytes }: OpenFile): Promise<string | null> {
    const { ino, dev, size } = await handle.stat();
    try {
      const named = await lstat(join(folder, numberedFileName(file)));
      if (named.ino !== ino || named.dev !== dev) return 'it was replaced';
    } catch (error) {
      if (systemErrorCode(error) === 'ENOENT') return 'it was removed';
      throw error;
    }
    return size === bytes ? null : `it has ${size} bytes of ${bytes}`;
  }

  async function openForWriting(): Promise<OpenFile> {
    if (opened === null) return resume();
    const why = await whyNotOurs(opened);
    if (why !== null) return beginNext(opened, 'open', `broken: ${numberedFileName(opened.file)}: ${why}`);
    return opened.bytes >= maxFileBytes ? beginNext(opened, 'rotate', 'ok') : opened;
  }

  async function writeLines(to: OpenFile, facts: readonly AuditFact[]): Promise<OpenFile> {
    const { handle, file } = to;
    let { seq, hash } = to;
    let text = '';
    for (const fact of facts) {
      const next = chainLine(fact, boot, { seq, hash });
      ({ seq, hash } = next.line);
      text += next.text;
    }
    try {
      const buffer = Buffer.from(text, 'latin1');
      for (let at = 0; at < buffer.length; ) {
        const { bytesWritten } = await handle.write(buffer, at, buffer.length - at, to.bytes + at);
        at += bytesWritten;
      }
      await handle.datasync();
    } catch (error) {
      await undoWrite(to);
      throw error;
    }
    const first = Math.max(to.first, file - maxFiles + 1);
    return { handle, file, bytes: to.bytes + text.length, first, seq, hash };
  }

  /** None of the lines is there after all; where that fails too, it is found out when the log is opened again. */
  async function undoWrite({ handle, bytes }: OpenFile): Promise<void> {
    try {
      await handle.truncate(bytes);
    } catch {
      await closeFile();
    }
  }

  async function writeHead({ seq, hash, file, bytes, first }: OpenFile): Promise<unknown> {
    try {
      await writeAuditHead(folder, { seq, hash, file, bytes, first });
      // Only what the head does not name any more.
      for (const number of await listNumberedFiles(folder)) {
        if (number < first) await unlink(join(folder, numberedFileName(number)));
      }
      return null;
    } catch (error) {
      return error;
    }
  }

  return {
    async write(facts) {
      opened = await openForWriting();
      opened = await writeLines(opened, opening === null ? facts : [opening, ...facts]);
      opening = null;
      last = opened;
      return writeHead(opened);
    },
    place: () => ({ seq: last.seq, hash: last.hash }),
    close: closeFile,
  };
}
