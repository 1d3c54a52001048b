// SPDX-License-Identifier: Apache-2.0
import type { Socket } from 'node:net';

/** Connections that a calf has, and may give back: priv keeps its own descriptor of each, and reads nothing of it. */
export interface KeptFlows {
  /** @returns by which number it can be had back */
  keep(flow: Socket): number;
  /** Has it back, once; undefined: there is none. */
  take(number: number): Socket | undefined;
  /** Closes what priv has of it, if it was not taken. */
  drop(number: number): void;
}

export function createKeptFlows(): KeptFlows {
  const kept = new Map<number, Socket>();
  let last = 0;
  function take(number: number): Socket | undefined {
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
    drop: (number) => void take(number)?.destroy(),
  };
}
