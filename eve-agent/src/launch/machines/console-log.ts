// SPDX-License-Identifier: Apache-2.0
import { type FileHandle, open, readFile, rename } from 'node:fs/promises';
import { createTurns } from '@local-datastore/shared/turns';
import type { LogLine } from '../engine/container-engine.ts';

/**
 * What a machine writes to its serial console, kept in two files of at most this size: a guest that writes without end
 * does not fill the disk.
 */
const MAX_FILE_BYTES = 512 * 1024;
/** Longer lines come in pieces of this size. */
const MAX_LINE_BYTES = 8 * 1024;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const LINE = /^(\S+) (.*)$/;

export interface ConsoleLog {
  /** Takes what was written, as it comes. A disk that is full loses it. */
  append(bytes: Buffer): Promise<void>;
  /** Those that are kept, the oldest first; also one that has not ended. */
  read(): Promise<LogLine[]>;
  /**
   * Those that have ended, and each that ends after them.
   *
   * @returns `end`: no more are told
   */
  follow(onLine: (line: LogLine) => void): Promise<{ readonly lines: LogLine[]; readonly end: () => void }>;
  close(): Promise<void>;
}

const toText = (bytes: Buffer) => {
  const end = bytes.at(-1) === CARRIAGE_RETURN ? bytes.length - 1 : bytes.length;
  // A bare return would let the next part of a line hide the first, in the file too.
  return bytes.toString('utf8', 0, end).replaceAll('\r', '');
};

const parse = (text: string): LogLine[] =>
  text.split('\n').flatMap((line) => {
    const [, at, rest] = LINE.exec(line) ?? [];
    return at === undefined || rest === undefined ? [] : [{ stream: 'stdout' as const, text: rest, at }];
  });

/** @param path of the newer file; the older one has `.1` behind it */
export function openConsoleLog(path: string, wallMs: () => number): ConsoleLog {
  const followers = new Set<(line: LogLine) => void>();
  let file: FileHandle | null = null;
  let size = 0;
  let begun = Buffer.alloc(0);
  const turns = createTurns();

  const lineOf = (bytes: Buffer): LogLine => ({
    ...{ stream: 'stdout', text: toText(bytes) },
    at: new Date(wallMs()).toISOString(),
  });

  async function write(lines: readonly LogLine[]): Promise<void> {
    if (file === null) {
      file = await open(path, 'a', 0o600);
      size = (await file.stat()).size;
    }
    const text = Buffer.from(lines.map((line) => `${line.at} ${line.text}\n`).join(''));
    if (size > 0 && size + text.length > MAX_FILE_BYTES) {
      await file.close();
      file = null;
      await rename(path, `${path}.1`);
      file = await open(path, 'a', 0o600);
      size = 0;
    }
    await file.write(text);
    size += text.length;
  }

  async function take(bytes: Buffer): Promise<void> {
    const lines: LogLine[] = [];
    let rest = Buffer.concat([begun, bytes]);
    for (;;) {
      const end = rest.indexOf(LINE_FEED);
      const isWhole = end !== -1 && end <= MAX_LINE_BYTES;
      if (!isWhole && rest.length <= MAX_LINE_BYTES) break;
      lines.push(lineOf(rest.subarray(0, isWhole ? end : MAX_LINE_BYTES)));
      rest = rest.subarray(isWhole ? end + 1 : MAX_LINE_BYTES);
    }
    begun = Buffer.from(rest);
    if (lines.length === 0) return;
    await write(lines).catch(() => {});
    for (const line of lines) for (const tell of followers) tell(line);
  }

  async function readFiles(): Promise<LogLine[]> {
    const texts = [`${path}.1`, path].map((each) => readFile(each, 'utf8').catch(() => ''));
    return (await Promise.all(texts)).flatMap(parse);
  }

  return {
    append: (bytes) => turns.take(() => take(bytes)),
    read: () =>
      turns.take(async () => {
        const lines = await readFiles();
        return begun.length === 0 ? lines : [...lines, lineOf(begun)];
      }),
    follow: (onLine) =>
      turns.take(async () => {
        const lines = await readFiles();
        followers.add(onLine);
        return { lines, end: () => void followers.delete(onLine) };
      }),
    close: () =>
      turns.take(async () => {
        if (begun.length > 0) await take(Buffer.from('\n'));
        await file?.close();
        file = null;
      }),
  };
}
