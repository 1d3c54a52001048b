// SPDX-License-Identifier: Apache-2.0
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { sayContinue } from '@local-datastore/shared/http/refuse';
import type { Log } from '@local-datastore/shared/log';
import { HttpError } from './http-error.ts';
import { signalOf } from './log-answer.ts';
import type { RouteRequest } from './router.ts';

/** Of consoles that are looked at together. */
const MAX_CONSOLES = 16;

export const CONSOLE_MEDIA_TYPE = 'application/octet-stream';

/** Joins a request and its answer with a console. */
export type AnswerConsole = (
  routed: RouteRequest,
  open: (signal: AbortSignal) => Promise<Duplex>,
) => Promise<void>;

/**
 * What comes in a request goes to a console as it comes, and what the console says is the answer as it is said, both at
 * the same time: until the console ends, or the connection. That the request ends ends only what is typed.
 */
export function createConsoleAnswer(log: Log): AnswerConsole {
  let consoles = 0;

  /** @returns ends it: what still comes is passed over */
  function type({ request }: RouteRequest, console: Duplex): () => void {
    const onPiece = (piece: Buffer) => {
      if (console.write(piece)) return;
      // A guest that does not read is waited for, and with it whoever types.
      request.pause();
      console.once('drain', () => request.resume());
    };
    request.on('data', onPiece);
    return () => {
      request.off('data', onPiece);
      request.resume();
    };
  }

  return async (routed, open) => {
    const { request, response } = routed;
    if (consoles >= MAX_CONSOLES) throw new HttpError(503, `${MAX_CONSOLES} consoles are looked at already.`);
    consoles += 1;
    const ended = new AbortController();
    try {
      const signal = AbortSignal.any([signalOf(request, response), ended.signal]);
      const console = await open(signal);
      sayContinue(request, response);
      // The connection stays: one that is closed with keys on the way would be reset, and the last words be lost.
      response.writeHead(200, {
        'Content-Type': CONSOLE_MEDIA_TYPE,
        'Cache-Control': 'no-store',
        'X-Content-Type-Options': 'nosniff',
      });
      response.flushHeaders();
      const endTyping = type(routed, console);
      await pipeline(console, response).catch((error: unknown) => {
        if (!signal.aborted) log.debug({ path: request.url, reason: String(error) }, 'a console breaks off');
        response.destroy();
      });
      endTyping();
    } finally {
      ended.abort(new Error('the console is left'));
      consoles -= 1;
    }
  };
}
