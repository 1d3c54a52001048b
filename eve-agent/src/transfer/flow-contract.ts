// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import type { FlowPlace, FlowReader, OpenFlow } from './flow.ts';

/** Flows under test, and a server that they lead to. */
export interface FlowsUnderTest {
  readonly openFlow: OpenFlow;
  readonly place: FlowPlace;
  close(): Promise<void>;
}

const REQUEST = 'GET / HTTP/1.1\r\n\r\n';
const ANSWER = Buffer.from('an answer that does not fit into the memory of the reader at once');

/**
 * What a transfer expects of flows.
 *
 * @param create makes a server that says this to the first request on each flow, and then ends the flow
 */
export function describeFlowContract(
  name: string,
  create: (answer: Buffer) => Promise<FlowsUnderTest>,
): void {
  describe(`flows ${name}`, () => {
    const withFlows = async (use: (under: FlowsUnderTest) => Promise<void>) => {
      const under = await create(ANSWER);
      try {
        await use(under);
      } finally {
        await under.close();
      }
    };
    const { signal } = new AbortController();

    it('carry a request there, and the answer back, to its end', () =>
      withFlows(async ({ openFlow, place }) => {
        const flow = await openFlow(place, { signal });
        flow.write(REQUEST);
        expect(Buffer.concat(await flow.toArray())).toEqual(ANSWER);
      }));

    it('put what comes into the memory of a reader, which may pause them', () =>
      withFlows(async ({ openFlow, place }) => {
        const memory = Buffer.alloc(7);
        const pieces: Buffer[] = [];
        const reader: FlowReader = {
          buffer: () => memory,
          callback(byteCount, buffer) {
            pieces.push(Buffer.from(buffer.subarray(0, byteCount)));
            // Each time it is somebody else's turn first.
            setImmediate(() => flow.resume());
            return false;
          },
        };
        const flow = await openFlow(place, { reader, signal });
        const ended = new Promise((resolve) => flow.once('end', resolve));
        flow.write(REQUEST);
        await ended;
        expect(Buffer.concat(pieces)).toEqual(ANSWER);
        for (const piece of pieces) expect(piece.length).toBeLessThanOrEqual(memory.length);
      }));

    it('are not opened once the signal is aborted', () =>
      withFlows(async ({ openFlow, place }) => {
        const reason = new Error('not wanted any more');
        await expect(openFlow(place, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
      }));
  });
}
