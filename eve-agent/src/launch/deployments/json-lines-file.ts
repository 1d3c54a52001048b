// SPDX-License-Identifier: Apache-2.0
import { mkdir, open, readFile, rename, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { systemErrorCode } from '@local-datastore/shared/errors';
import { syncDirectory } from '@local-datastore/shared/files/durable-file';

/** A file to which lines of JSON are added, one after another, each on the disk when it is acknowledged. */
export interface JsonLinesFile {
  append(line: object): Promise<void>;
  /** All lines that are kept, the oldest first; what a crash cut short is left out. */
  read(): Promise<unknown[]>;
}

export interface JsonLinesOptions {
  /** A file that has grown so large is set aside. */
  readonly maxBytes: number;
  /** So many are kept beside the present one. */
  readonly keptFiles: number;
}

/** It says who did what: nobody else's. */
const FILE_MODE = 0o600;
const FOLDER_MODE = 0o700;

async function sizeOf(file: string): Promise<number | null> {
  try {
    return (await stat(file)).size;
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return null;
    throw error;
  }
}

function parseLine(line: string): unknown[] {
  try {
    return line === '' ? [] : [JSON.parse(line) as unknown];
  } catch {
    return [];
  }
}

/** @param path of the present file; those that were set aside are called `PATH.1`, the newest, and so on */
export function createJsonLinesFile(path: string, { maxBytes, keptFiles }: JsonLinesOptions): JsonLinesFile {
  const pathOf = (age: number) => (age === 0 ? path : `${path}.${age}`);
  let last: Promise<unknown> = Promise.resolve();

  async function setAside(): Promise<void> {
    for (let age = keptFiles; age > 0; age -= 1) {
      await rename(pathOf(age - 1), pathOf(age)).catch((error: unknown) => {
        if (systemErrorCode(error) !== 'ENOENT') throw error;
      });
    }
  }

  async function appendNow(text: string): Promise<void> {
    let sizeBytes = await sizeOf(path);
    if (sizeBytes === null) await mkdir(dirname(path), { recursive: true, mode: FOLDER_MODE });
    if (sizeBytes !== null && sizeBytes >= maxBytes) {
      await setAside();
      sizeBytes = null;
    }
    const handle = await open(path, 'a+', FILE_MODE);
    try {
      // Behind what a crash cut short a line of its own begins.
      const { size } = await handle.stat();
      const end = Buffer.alloc(1);
      if (size > 0) await handle.read(end, 0, 1, size - 1);
      await handle.writeFile(size === 0 || end[0] === 0x0a ? text : `\n${text}`);
      await handle.sync();
    } finally {
      await handle.close();
    }
    if (sizeBytes === null) await syncDirectory(dirname(path));
  }

  return {
    append(line) {
      const text = `${JSON.stringify(line)}\n`;
      const done = last.then(() => appendNow(text));
      last = done.catch(() => {});
      return done;
    },
    async read() {
      await last;
      const lines: unknown[] = [];
      for (let age = keptFiles; age >= 0; age -= 1) {
        const text = await readFile(pathOf(age), 'utf8').catch((error: unknown) => {
          if (systemErrorCode(error) === 'ENOENT') return '';
          throw error;
        });
        lines.push(...text.split('\n').flatMap(parseLine));
      }
      return lines;
    },
  };
}
