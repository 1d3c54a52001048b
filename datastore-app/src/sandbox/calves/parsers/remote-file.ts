// SPDX-License-Identifier: Apache-2.0
import type { ParsedFile } from '../../../parsing/file-parser.ts';
import { type FromParser, MAX_PIECE_BYTES, MAX_WAITING_ASKS } from '../../exchange/messages.ts';

/** What is asked of the datastore about one file. */
export type Ask =
  | Omit<Extract<FromParser, { kind: 'read' }>, 'job'>
  | Omit<Extract<FromParser, { kind: 'hash' }>, 'job'>;
type Wanted = Ask extends infer Each ? (Each extends Ask ? Omit<Each, 'ask'> : never) : never;
type Answer = Buffer | string;

/** A file that the datastore has open, and reads from for whoever asks. */
export interface RemoteFile extends Required<ParsedFile> {
  answer(ask: number, answer: Answer): void;
  /** Whoever waits for an answer hears that there will be none. */
  abandon(): void;
}

interface Waiting {
  readonly wanted: Wanted;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Error) => void;
}

/**
 * @param send takes what is asked for
 * @param head the first bytes of the file, which are not asked for, as the last ones in `tail`
 */
export function createRemoteFile(
  send: (ask: Ask) => void,
  { sizeBytes, head, tail }: { readonly sizeBytes: number; readonly head: Buffer; readonly tail: Buffer },
): RemoteFile {
  const asked = new Map<number, Waiting>();
  const queue: Waiting[] = [];
  let last = 0;
  let isAbandoned = false;

  function askNext(): void {
    for (let next = queue[0]; next !== undefined && asked.size < MAX_WAITING_ASKS; next = queue[0]) {
      queue.shift();
      last += 1;
      asked.set(last, next);
      send({ ...next.wanted, ask: last });
    }
  }

  function ask(wanted: Wanted): Promise<Answer> {
    return new Promise((resolve, reject) => {
      if (isAbandoned) {
        reject(new Error('nobody answers any more'));
        return;
      }
      queue.push({ wanted, resolve, reject });
      askNext();
    });
  }

  async function readPiece(offset: number, length: number): Promise<Buffer> {
    if (offset + length <= head.length) return head.subarray(offset, offset + length);
    const inTail = offset - (sizeBytes - tail.length);
    if (inTail >= 0) return tail.subarray(inTail, inTail + length);
    return (await ask({ kind: 'read', offset, length })) as Buffer;
  }

  return {
    sizeBytes,
    async readAt(offset, wanted) {
      const length = Math.max(0, Math.min(wanted, sizeBytes - offset));
      if (length <= MAX_PIECE_BYTES) return length === 0 ? Buffer.alloc(0) : readPiece(offset, length);
      const pieces: Promise<Buffer>[] = [];
      for (let at = 0; at < length; at += MAX_PIECE_BYTES) {
        pieces.push(readPiece(offset + at, Math.min(MAX_PIECE_BYTES, length - at)));
      }
      return Buffer.concat(await Promise.all(pieces));
    },
    hashOf: async ({ offset, sizeBytes: length }, algorithm) =>
      (await ask({ kind: 'hash', offset, sizeBytes: length, algorithm })) as string,
    answer(number, answer) {
      const waiting = asked.get(number);
      asked.delete(number);
      waiting?.resolve(answer);
      askNext();
    },
    abandon() {
      isAbandoned = true;
      for (const { reject } of [...asked.values(), ...queue.splice(0)]) {
        reject(new Error('nobody answers any more'));
      }
      asked.clear();
    },
  };
}
