// SPDX-License-Identifier: Apache-2.0
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, waitUnlessAborted } from '@local-datastore/shared/clock';
import { systemErrorCode } from '@local-datastore/shared/errors';
import { readLines } from '@local-datastore/shared/files/file-lines';
import { listNumberedFiles, numberedFileName } from '@local-datastore/shared/files/numbered-files';
import { type AuditLine, MAX_LINE_BYTES, tryAuditLine } from './audit-line.ts';

/** A line, or why what stands there is none. */
export interface SeenLine {
  readonly file: string;
  readonly line: AuditLine | string;
}

const LOOK_MS = 500;

async function openOldest(
  folder: string,
  from: number,
): Promise<{ file: number; handle: FileHandle } | null> {
  for (const file of await listNumberedFiles(folder)) {
    if (file < from) continue;
    try {
      return { file, handle: await open(join(folder, numberedFileName(file)), 'r') };
    } catch (error) {
      // It was the oldest, and there are newer ones now.
      if (systemErrorCode(error) !== 'ENOENT') throw error;
    }
  }
  return null;
}

/**
 * The lines of the log, oldest first, unchecked but each for itself; what has no line break yet is no line.
 *
 * @param follows goes on with lines that are written, until the signal is aborted
 */
export async function* followAuditLog(
  folder: string,
  {
    clock,
    signal,
    follows,
  }: { readonly clock: Clock; readonly signal: AbortSignal; readonly follows: boolean },
): AsyncGenerator<SeenLine> {
  let next = 1;
  while (!signal.aborted) {
    const opened = await openOldest(folder, next);
    if (opened === null) {
      if (!follows) return;
      await waitUnlessAborted(clock, LOOK_MS, signal);
      continue;
    }
    const { file, handle } = opened;
    next = file + 1;
    let bytes = 0;
    try {
      for (let isLast = false; !isLast && !signal.aborted; ) {
        // Looked for before the file is read to its end, which then is its end.
        isLast = (await listNumberedFiles(folder)).some((number) => number > file);
        for await (const { text, end, isWhole } of readLines(handle, bytes, MAX_LINE_BYTES)) {
          if (!isWhole) break;
          bytes = end;
          yield { file: numberedFileName(file), line: tryAuditLine(text) };
        }
        if (!isLast && !follows) return;
        if (!isLast) await waitUnlessAborted(clock, LOOK_MS, signal);
      }
    } finally {
      await handle.close();
    }
  }
}
