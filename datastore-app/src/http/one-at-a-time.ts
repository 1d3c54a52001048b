// SPDX-License-Identifier: Apache-2.0
import type { RequestListener } from 'node:http';
import type { Socket } from 'node:net';

/**
 * What a connection may ask for while an earlier answer is on its way. Nearly no client asks ahead; who asks
 * this far ahead must bear that its connection is closed (RFC 9112 §9.3.2).
 */
const MAX_WAITING = 100;

/** Of one connection. */
interface Turn {
  /** An answer is under way. */
  isTaken: boolean;
  readonly waiting: (() => void)[];
}

/**
 * Begins to answer a request when the answer before it on the same connection is complete.
 *
 * Node emits every request that it reads, and keeps the answers back until it is their turn. 64 KiB hold some
 * 1,700 requests; each of them would have a file open and megabytes of it read before a client that reads
 * nothing has taken a byte of the first.
 */
export function oneAtATime(handler: RequestListener): RequestListener {
  /** One entry a connection, which stays: to add and remove one at every request costs more than all else here. */
  const turns = new WeakMap<Socket, Turn>();

  return (request, response) => {
    const { socket } = request;
    let turn = turns.get(socket);
    if (turn === undefined) {
      turn = { isTaken: false, waiting: [] };
      turns.set(socket, turn);
    }
    const { waiting } = turn;
    const taken = turn;
    const answer = (): void => {
      response.on('close', () => {
        if (!socket.writable) waiting.length = 0;
        // Array.prototype.shift of an empty array is slow.
        const next = waiting.length === 0 ? undefined : waiting.shift();
        if (next === undefined) taken.isTaken = false;
        else next();
      });
      handler(request, response);
    };
    if (!taken.isTaken) {
      taken.isTaken = true;
      answer();
    } else if (waiting.length < MAX_WAITING) {
      waiting.push(answer);
    } else {
      socket.destroy();
    }
  };
}
