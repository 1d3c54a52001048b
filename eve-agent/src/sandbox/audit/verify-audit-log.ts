// SPDX-License-Identifier: Apache-2.0
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { systemErrorCode } from '@local-datastore/shared/errors';
import { readLines } from '@local-datastore/shared/files/file-lines';
import { listNumberedFiles, numberedFileName } from '@local-datastore/shared/files/numbered-files';
import { type AuditHead, readAuditHead } from './audit-folder.ts';
import {
  type AuditLine,
  CHAIN_START,
  type ChainPlace,
  MAX_LINE_BYTES,
  tryAuditLine,
  whyNotNext,
} from './audit-line.ts';

/** The first thing that is wrong. */
export interface AuditProblem {
  readonly kind: 'bad-line' | 'missing-file' | 'missing-head' | 'head-mismatch' | 'truncated';
  /** The name of the file, and the line in it from 1; null where it is no matter of one. */
  readonly file: string | null;
  readonly line: number | null;
  readonly reason: string;
}

export interface AuditVerdict {
  readonly files: number;
  /** Sound lines, up to the problem where there is one. */
  readonly lines: number;
  readonly firstSeq: number | null;
  readonly lastSeq: number | null;
  readonly lastHash: string | null;
  /** Behind the last line, and of no whole one: of a line that is being written, or was when the agent was killed. */
  readonly tornBytes: number;
  /** null: the chain is whole, from the oldest line that is kept to the head. */
  readonly problem: AuditProblem | null;
}

/** The log was rotated while it was read: it is to be read anew. */
const ROTATED = Symbol('rotated');
const MAX_READINGS = 5;

type Finding = Pick<AuditProblem, 'kind' | 'reason'>;

/** What was read so far. */
class Reading {
  readonly #head: AuditHead;
  #place: ChainPlace | null = null;
  #firstSeq: number | null = null;
  #isHeadSeen: boolean;
  #lines = 0;
  #files = 0;
  #tornBytes = 0;

  constructor(head: AuditHead) {
    this.#head = head;
    // Of a log without lines there is nothing to be seen.
    this.#isHeadSeen = head.seq === 0;
  }

  /** @returns what is wrong with the next line */
  #take(line: AuditLine | string, file: number): Finding | null {
    if (typeof line === 'string') return { kind: 'bad-line', reason: line };
    // Of what was before the oldest file nothing is kept: its first line is believed.
    const before = this.#place ?? (file === 1 ? CHAIN_START : { seq: line.seq - 1, hash: line.prev });
    const reason = whyNotNext(line, before);
    if (reason !== null) return { kind: 'bad-line', reason };
    if (line.seq === this.#head.seq) {
      if (line.hash !== this.#head.hash) {
        return { kind: 'head-mismatch', reason: `the head tells another hash of line ${line.seq}` };
      }
      this.#isHeadSeen = true;
    }
    this.#place = line;
    this.#firstSeq ??= line.seq;
    this.#lines += 1;
    return null;
  }

  /** What is wrong with what stands at the end of a file without a line break. */
  #takeCut(bytes: number, isLast: boolean): Finding | null {
    if (!isLast) return { kind: 'bad-line', reason: 'it is cut short' };
    if (!this.#isHeadSeen) return { kind: 'truncated', reason: this.#whyTruncated() };
    this.#tornBytes = bytes;
    return null;
  }

  #whyTruncated(): string {
    return `the log ends with line ${this.#place?.seq ?? 0}, and line ${this.#head.seq} was written`;
  }

  async readFile(handle: FileHandle, file: number, isLast: boolean): Promise<AuditProblem | null> {
    let number = 0;
    let start = 0;
    this.#files += 1;
    for await (const { text, end, isWhole } of readLines(handle, 0, MAX_LINE_BYTES)) {
      number += 1;
      const finding = isWhole ? this.#take(tryAuditLine(text), file) : this.#takeCut(end - start, isLast);
      if (finding !== null) return { ...finding, file: numberedFileName(file), line: number };
      start = end;
    }
    return null;
  }

  /** What is wrong once all was read. */
  endProblem(): AuditProblem | null {
    if (this.#isHeadSeen) return null;
    return { kind: 'truncated', file: null, line: null, reason: this.#whyTruncated() };
  }

  verdict(problem: AuditProblem | null): AuditVerdict {
    return {
      ...{ files: this.#files, lines: this.#lines, firstSeq: this.#firstSeq },
      ...{ lastSeq: this.#place?.seq ?? null, lastHash: this.#place?.hash ?? null },
      ...{ tornBytes: this.#tornBytes, problem },
    };
  }
}

async function openIfThere(file: string): Promise<FileHandle | null> {
  try {
    return await open(file, 'r');
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return null;
    throw error;
  }
}

/** Whether the log keeps other files than it did. */
async function wasRotated(folder: string, head: AuditHead): Promise<boolean> {
  const now = await readAuditHead(folder);
  return now !== null && typeof now !== 'string' && now.first !== head.first;
}

async function readWith(folder: string, head: AuditHead): Promise<AuditVerdict | typeof ROTATED> {
  const reading = new Reading(head);
  const last = Math.max(head.file, (await listNumberedFiles(folder)).at(-1) ?? 0);
  for (let file = head.first; file <= last; file += 1) {
    const name = numberedFileName(file);
    const handle = await openIfThere(join(folder, name));
    if (handle === null) {
      if (await wasRotated(folder, head)) return ROTATED;
      // The agent was killed before it wrote anything.
      if (head.seq === 0 && file === last) break;
      const problem = { kind: 'missing-file', file: name, line: null, reason: 'it is missing' } as const;
      return reading.verdict(problem);
    }
    try {
      const problem = await reading.readFile(handle, file, file === last);
      if (problem !== null) return reading.verdict(problem);
    } finally {
      await handle.close();
    }
  }
  return reading.verdict(reading.endProblem());
}

/** The chain as it is; how far it went nobody knows. */
async function verifyWithoutHead(
  folder: string,
  files: readonly number[],
  reason: string,
): Promise<AuditVerdict> {
  const [first = 1] = files;
  const verdict = await readWith(folder, { ...CHAIN_START, file: files.at(-1) ?? first, bytes: 0, first });
  if (verdict === ROTATED) throw new Error(`the log was changed while it was read: ${reason}`);
  return { ...verdict, problem: verdict.problem ?? { kind: 'missing-head', file: null, line: null, reason } };
}

/**
 * Checks the log, line by line, also while it is written: that each line is as it was written and follows the one
 * before, that no file is missing, and that it reaches as far as the head says.
 *
 * @returns null where there is no log
 * @throws the system's error where it cannot be read
 */
export async function verifyAuditLog(folder: string): Promise<AuditVerdict | null> {
  for (let count = 1; ; count += 1) {
    // Before the files: what it tells of stands there already.
    const head = await readAuditHead(folder);
    const files = await listNumberedFiles(folder);
    if (head === null && files.length === 0) return null;
    if (head === null || typeof head === 'string') {
      return verifyWithoutHead(folder, files, head ?? 'the head is missing');
    }
    const verdict = await readWith(folder, head);
    if (verdict !== ROTATED) return verdict;
    if (count === MAX_READINGS) throw new Error('the log is rotated faster than it can be read');
  }
}
