// SPDX-License-Identifier: Apache-2.0
import { open, readFile } from 'node:fs/promises';

/** What an index says of an image, and its path. */
export type IndexRow = readonly [path: string, image: unknown];

/** The text of an index: one JSON object, an image a line, so that it need not be in memory as a whole. */
export interface IndexHead {
  readonly version: unknown;
  /** Indexes of before the journal have none. */
  readonly stateId?: unknown;
}

const HEAD_END = '"images":{';
const END = '}}';
/** So many lines are written together. */
const LINES_AT_ONCE = 500;

/** JSON in one line, also for Node's readline, which takes these for ends of lines. */
const lineOf = (value: unknown) =>
  JSON.stringify(value).replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029');

/** @returns pieces of the text of an index */
export function* indexText(head: IndexHead, rows: Iterable<IndexRow>): Generator<string> {
  let piece = `${JSON.stringify(head).slice(0, -1)},${HEAD_END}`;
  let lines = 0;
  for (const [path, image] of rows) {
    piece += `${lines === 0 ? '' : ','}\n${lineOf(path)}:${lineOf(image)}`;
    lines += 1;
    if (lines % LINES_AT_ONCE !== 0) continue;
    yield piece;
    piece = '';
  }
  yield `${piece}\n${END}\n`;
}

/** One JSON object of before there were lines, or that something else wrote. */
function parseWhole(text: string, onRow: (row: IndexRow) => void): IndexHead {
  const { images, ...head } = JSON.parse(text);
  if (typeof images !== 'object' || images === null) throw new SyntaxError('it has no images');
  for (const row of Object.entries(images)) onRow(row);
  return head;
}

/**
 * Reads an index, line by line where it has lines.
 *
 * @param onRow hears of each image
 * @throws SyntaxError where it is not sound; system errors; whatever `onRow` throws
 */
export async function readIndex(file: string, onRow: (row: IndexRow) => void): Promise<IndexHead> {
  const handle = await open(file, 'r');
  try {
    let head: IndexHead | undefined;
    let last = '';
    for await (const line of handle.readLines({ autoClose: false })) {
      if (head === undefined) {
        if (!line.endsWith(HEAD_END)) return parseWhole(await readFile(file, 'utf8'), onRow);
        const { images: _none, ...rest } = JSON.parse(`${line}${END}`);
        head = rest;
      } else if (line !== END) {
        const [row] = Object.entries(JSON.parse(`{${line.endsWith(',') ? line.slice(0, -1) : line}}`));
        if (row !== undefined) onRow(row);
      }
      last = line;
    }
    if (head === undefined || last !== END) throw new SyntaxError('it ends early');
    return head;
  } finally {
    await handle.close();
  }
}
