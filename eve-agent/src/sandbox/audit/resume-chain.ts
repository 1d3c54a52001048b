// SPDX-License-Identifier: Apache-2.0
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { errorMessage, systemErrorCode } from '@local-datastore/shared/errors';
import { readLines } from '@local-datastore/shared/files/file-lines';
import { listNumberedFiles, numberedFileName } from '@local-datastore/shared/files/numbered-files';
import { type AuditHead, readAuditHead } from './audit-folder.ts';
import { CHAIN_START, type ChainPlace, MAX_LINE_BYTES, tryAuditLine, whyNotNext } from './audit-line.ts';

/** Where the log goes on. */
export interface ResumedChain extends ChainPlace {
  readonly file: number;
  /** What stands behind it in the file is to be cut off. */
  readonly bytes: number;
  readonly first: number;
  /** What the first line that is written says of it: `ok`, or what was found. */
  readonly verdict: string;
}

interface Tail extends ChainPlace {
  readonly bytes: number;
  /** What follows is no line of the chain. */
  readonly surplusBytes: number;
}

/** How far the chain goes on in a file, from a place of it on. */
async function followChain(handle: FileHandle, from: number, place: ChainPlace): Promise<Tail> {
  let { seq, hash } = place;
  let bytes = from;
  for await (const { text, end, isWhole } of readLines(handle, from, MAX_LINE_BYTES)) {
    const line = isWhole ? tryAuditLine(text) : 'it is cut short';
    if (typeof line === 'string' || whyNotNext(line, { seq, hash }) !== null) break;
    ({ seq, hash } = line);
    bytes = end;
  }
  return { seq, hash, bytes, surplusBytes: (await handle.stat()).size - bytes };
}

/** Why the head's line does not stand where the head says; null when it does. */
async function whyNotAtHead(handle: FileHandle, { seq, hash, bytes }: AuditHead): Promise<string | null> {
  if (seq === 0) return null;
  const { size } = await handle.stat();
  if (size < bytes) return `it has ${size} bytes of ${bytes}`;
  const start = Math.max(0, bytes - MAX_LINE_BYTES);
  const buffer = Buffer.alloc(bytes - start);
  await handle.read(buffer, 0, buffer.length, start);
  const [text = ''] = buffer.toString('latin1').split('\n').slice(-2);
  const line = tryAuditLine(text);
  if (typeof line === 'string') return `line ${seq} is not what it was: ${line}`;
  return line.seq === seq && line.hash === hash ? null : `line ${seq} is another`;
}

/** The end of the chain in a file of which nothing is known: its last line that is sound by itself. */
async function lastLineOf(folder: string, file: number): Promise<ChainPlace> {
  let place = CHAIN_START;
  const handle = await open(join(folder, numberedFileName(file)), 'r');
  try {
    for await (const { text, isWhole } of readLines(handle, 0, MAX_LINE_BYTES)) {
      const line = isWhole ? tryAuditLine(text) : '';
      if (typeof line !== 'string') place = line;
    }
  } finally {
    await handle.close();
  }
  return place;
}

/** The lines behind the head: those of a crash before the head was written anew, and what a crash tore. */
async function resumeAtHead(
  folder: string,
  head: AuditHead,
  files: readonly number[],
): Promise<ResumedChain | string> {
  let place: Tail = { ...head, surplusBytes: 0 };
  let file = head.file;
  for (;;) {
    let handle: FileHandle;
    try {
      handle = await open(join(folder, numberedFileName(file)), 'r');
    } catch (error) {
      const isMissing = systemErrorCode(error) === 'ENOENT';
      // Crashed after the head of a new log was written, and before its first file was.
      if (isMissing && head.seq === 0) break;
      return `${numberedFileName(file)} ${isMissing ? 'is missing' : `cannot be read: ${errorMessage(error)}`}`;
    }
    try {
      const why = file === head.file ? await whyNotAtHead(handle, head) : null;
      if (why !== null) return `${numberedFileName(file)}: ${why}`;
      place = await followChain(handle, file === head.file ? head.bytes : 0, place);
    } finally {
      await handle.close();
    }
    // A file that is begun after the one of the head: it was crashed while files were changed.
    const hasNext = files.includes(file + 1);
    if (place.surplusBytes > 0 && hasNext) return `${numberedFileName(file)}: it does not end with a line`;
    if (!hasNext) break;
    file += 1;
  }
  const { seq, hash, bytes, surplusBytes } = place;
  const verdict = surplusBytes === 0 ? 'ok' : `torn: ${surplusBytes} bytes of no whole line are cut off`;
  return { seq, hash, bytes, file, first: head.first, verdict };
}

/**
 * Finds where the log goes on after it was closed, or after a crash at any moment. What is broken is left as it is for
 * whoever checks it: a file of its own then begins, whose first line says so.
 *
 * @throws the system's error where the folder cannot be read
 */
export async function resumeChain(folder: string): Promise<ResumedChain> {
  const files = await listNumberedFiles(folder);
  const head = await readAuditHead(folder);
  const lastFile = files.at(-1);
  if (head === null && lastFile === undefined) {
    return { ...CHAIN_START, file: 1, bytes: 0, first: 1, verdict: 'ok' };
  }
  if (head === null || typeof head === 'string') {
    const place = lastFile === undefined ? CHAIN_START : await lastLineOf(folder, lastFile);
    const { seq, hash } = place;
    const verdict = `broken: ${head ?? 'the head is missing'}`;
    return { seq, hash, file: (lastFile ?? 0) + 1, bytes: 0, first: files[0] ?? 1, verdict };
  }
  const resumed = await resumeAtHead(folder, head, files);
  if (typeof resumed !== 'string') return resumed;
  const file = Math.max(lastFile ?? 0, head.file) + 1;
  return { seq: head.seq, hash: head.hash, file, bytes: 0, first: head.first, verdict: `broken: ${resumed}` };
}
