import type { RequestListener } from 'node:http';
import type { Socket } from 'node:net';

/**
 * What a connection may ask for while an earlier answer is on its way. Nearly no client asks ahead; who asks
 * this far ahead must bear that its connection is closed (RFC 9112 §9.3.2).
 */
const MAX_WAITING = 100;

/**
 * Begins to answer a request when the answer before it on the same connection is complete.
 *
 * Node emits every request that it reads, and keeps the answers back until it is their turn. 64 KiB hold some
 * 1,700 requests; each of them would have a file open and megabytes of it read before a client that reads
 * nothing has taken a byte of the first.
 */
export function oneAtATime(handler: RequestListener): RequestListener {
  /** What waits on the connections on which an answer is under way. */
  const waiting = new WeakMap<Socket, (() => void)[]>();

  return (request, response) => {
    const { socket } = request;
    const answer = (): void => {
      response.once('close', () => {
        const next = waiting.get(socket)?.shift();
        if (next === undefined || !socket.writable) waiting.delete(socket);
        else next();
      });
      handler(request, response);
    };
    const queue = waiting.get(socket);
    if (queue === undefined) {
      waiting.set(socket, []);
      answer();
    } else if (queue.length < MAX_WAITING) {
      queue.push(answer);
    } else {
      socket.destroy();
    }
  };
}
