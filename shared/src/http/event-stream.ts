// SPDX-License-Identifier: Apache-2.0
import type { ServerResponse } from 'node:http';

/** Server-sent events (WHATWG HTML §9.2) to one client. */
export interface EventStream {
  /** What comes after the end is dropped. */
  send(event: string, data: unknown): void;
  /** Nothing follows: the client gets what is on its way, however slowly it reads, and then the end. */
  end(): void;
}

const KEEP_ALIVE_MS = 15_000;
/** Beside what it is sent at first: a client that reads this much too slowly is cut off; it can ask again. */
const MAX_UNREAD_BYTES = 4 * 1024 * 1024;

/**
 * Begins a stream of events.
 *
 * @param onClose is called once, when the client is gone
 */
export function startEventStream(response: ServerResponse, onClose: () => void): EventStream {
  response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
  response.flushHeaders();
  // All that there is comes in one go, and as one text: a thousand writes take several times its memory for as
  // long as nobody reads. However much it is, that says nothing of how fast the client reads.
  let first: string[] | null = [];
  let maxUnreadBytes = Number.POSITIVE_INFINITY;
  // A write after the end, or to nobody, is an error that nobody listens for, and would end the service.
  const write = (text: string) => {
    if (first !== null) first.push(text);
    else if (!response.writableEnded && !response.destroyed) response.write(text);
  };
  const writeFirst = () => {
    if (first === null) return;
    const text = first.join('');
    first = null;
    if (text !== '') write(text);
    maxUnreadBytes = response.writableLength + MAX_UNREAD_BYTES;
  };
  setImmediate(writeFirst);
  const timer = setInterval(() => write(': still here\n\n'), KEEP_ALIVE_MS);
  timer.unref();
  response.once('close', () => {
    clearInterval(timer);
    onClose();
  });
  // There are no events without content.
  if (response.req.method === 'HEAD') response.end();
  return {
    send(event, data) {
      if (response.writableLength > maxUnreadBytes) response.destroy();
      // JSON has no line breaks, which would end the field.
      else write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
    },
    end() {
      clearInterval(timer);
      writeFirst();
      response.end();
    },
  };
}
