// SPDX-License-Identifier: Apache-2.0
import { Duplex } from 'node:stream';
import type { FlowPlace, OpenFlow } from './flow.ts';

/** A server for tests that flows lead to, without a socket. */
export interface ScriptedFlows {
  readonly openFlow: OpenFlow;
  /** Where flows were opened to. */
  readonly places: readonly FlowPlace[];
  /** The heads of the requests that came. */
  readonly requests: readonly string[];
}

/** What a server says to a request; then it ends the flow, or leaves it open and says no more. */
export type ScriptedAnswer = string | Buffer | { readonly begun: string };

/** @param answers to the requests, in turn, or by what is asked */
export function createScriptedFlows(
  answers: readonly ScriptedAnswer[] | ((request: string) => ScriptedAnswer),
): ScriptedFlows {
  const places: FlowPlace[] = [];
  const requests: string[] = [];
  const openFlow: OpenFlow = async (place, { reader, signal }) => {
    signal.throwIfAborted();
    places.push(place);
    let request = '';
    const flow = new Duplex({
      read() {},
      write(chunk: Buffer, _encoding, done) {
        request += chunk.toString('latin1');
        done();
        if (!request.endsWith('\r\n\r\n')) return;
        const answer = typeof answers === 'function' ? answers(request) : (answers[requests.length] ?? '');
        requests.push(request);
        // Nobody answers before the question is out.
        setImmediate(() => {
          if (typeof answer === 'object' && 'begun' in answer) {
            flow.push(Buffer.from(answer.begun));
            return;
          }
          flow.push(Buffer.from(answer));
          flow.push(null);
        });
      },
    });
    if (reader !== undefined) {
      flow.on('data', (bytes: Buffer) => {
        let rest = bytes;
        while (rest.length > 0) {
          const memory = reader.buffer();
          const piece = rest.subarray(0, memory.length);
          memory.set(piece);
          rest = rest.subarray(piece.length);
          if (!reader.callback(piece.length, memory)) {
            flow.pause();
            if (rest.length > 0) flow.unshift(rest);
            return;
          }
        }
      });
    }
    return flow;
  };
  return { openFlow, places, requests };
}
