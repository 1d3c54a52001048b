// SPDX-License-Identifier: Apache-2.0
/** Parsers for tests, in the process that runs: each is a function that has the other end of the stream. */
import { type Duplex, duplexPair } from 'node:stream';
import type { Calf, CalfEnd } from '@local-datastore/shared/confinement/launcher/calf';
import { createFrameReader, encodeFrame } from '../exchange/frames.ts';
import { TO_PARSER, type ToParser } from '../exchange/messages.ts';

/** What a parser does from its start on. */
export type Script = (channel: Duplex, end: (how: Partial<CalfEnd>) => void) => void;

/** @returns starts parsers, one after another, each by the next script; the last one stays */
export function scriptedCalves(scripts: readonly Script[]) {
  let started = 0;
  return {
    started: () => started,
    start(): Calf {
      const script = scripts[Math.min(started, scripts.length - 1)];
      started += 1;
      const [ours, theirs] = duplexPair();
      const { promise: ended, resolve } = Promise.withResolvers<CalfEnd>();
      const end = (how: Partial<CalfEnd>) => resolve({ code: null, signal: null, refusal: null, ...how });
      theirs.on('error', () => {});
      script?.(theirs, end);
      return {
        ...{ name: 'parsers', pid: started, store: ours, send() {}, layers: () => null, ended },
        kill() {
          theirs.destroy();
          end({ signal: 'SIGKILL' });
        },
      };
    },
  };
}

/** A parser that says it is ready, and then what it is told to say to each message. */
export const answering =
  (
    answer: (message: ToParser, say: (document: object) => void, end: Parameters<Script>[1]) => void,
  ): Script =>
  (channel, end) => {
    const reader = createFrameReader(TO_PARSER);
    const say = (document: object) => void channel.write(encodeFrame(document));
    say({ kind: 'ready' });
    channel.on('data', (piece: Buffer) => {
      for (const { document } of reader.push(piece)) answer(document as ToParser, say, end);
    });
  };
