import type { ServerResponse } from 'node:http';

/** Server-sent events (WHATWG HTML §9.2) to one client. */
export interface EventStream {
  send(event: string, data: unknown): void;
}

const KEEP_ALIVE_MS = 15_000;
/** A client that reads this much too slowly is cut off; it can ask again. */
const MAX_UNREAD_BYTES = 4 * 1024 * 1024;

/**
 * Begins a stream of events.
 *
 * @param onClose is called once, when the client is gone
 */
export function startEventStream(response: ServerResponse, onClose: () => void): EventStream {
  response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
  response.flushHeaders();
  const timer = setInterval(() => response.write(': still here\n\n'), KEEP_ALIVE_MS);
  timer.unref();
  response.once('close', () => {
    clearInterval(timer);
    onClose();
  });
  return {
    send(event, data) {
      if (response.writableLength > MAX_UNREAD_BYTES) response.destroy();
      // JSON has no line breaks, which would end the field.
      else response.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
    },
  };
}
