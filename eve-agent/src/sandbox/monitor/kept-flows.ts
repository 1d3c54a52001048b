// SPDX-License-Identifier: Apache-2.0
import type { FlowReader } from '../../transfer/flow.ts';
import type { UnreadFlow } from '../../transfer/raw-body.ts';

/** What the connections that are opened for a calf are read by, should they come back. */
export interface LateReader {
  /** For the opening of a connection, of which nothing may be read before `set`. */
  readonly reader: FlowReader;
  set(reader: FlowReader): void;
}

export function createLateReader(): LateReader {
  let current: FlowReader | null = null;
  // Node asks for memory when a connection is made, long before it is read: what is read first goes into that.
  const beginning = new Uint8Array(1);
  return {
    reader: {
      buffer: () => current?.buffer() ?? beginning,
      callback: (byteCount, buffer) => current?.callback(byteCount, buffer) ?? false,
    },
    set(reader) {
      current = reader;
    },
  };
}

/** Connections that a calf has, and may give back: priv keeps its own descriptor of each, and reads nothing of it. */
export interface KeptFlows {
  /** @returns by which number it can be had back */
  keep(flow: UnreadFlow): number;
  /** Has it back, once; undefined: there is none. */
  take(number: number): UnreadFlow | undefined;
  /** Closes what priv has of it, if it was not taken. */
  drop(number: number): void;
}

export function createKeptFlows(): KeptFlows {
  const kept = new Map<number, UnreadFlow>();
  let last = 0;
  function take(number: number): UnreadFlow | undefined {
    const flow = kept.get(number);
    kept.delete(number);
    return flow;
  }
  return {
    keep(flow) {
      last += 1;
      kept.set(last, flow);
      return last;
    },
    take,
    drop: (number) => void take(number)?.flow.destroy(),
  };
}
