// SPDX-License-Identifier: Apache-2.0
import type { Bridge } from './bridges.ts';
import type { DnsMessage, MdnsQuery } from './dns-message.ts';
import type { OpenQuerier, ReceivedResponse } from './querier.ts';

export interface Asked {
  readonly bridge: Bridge;
  readonly query: MdnsQuery;
  readonly isOneShot: boolean;
}

/** A querier for tests: it keeps what is asked, and hears what the test says. */
export interface ScriptedQuerier {
  readonly open: OpenQuerier;
  readonly asked: Asked[];
  hear(bridge: Bridge, source: string, message: DnsMessage): void;
  isClosed(): boolean;
}

export function createScriptedQuerier(): ScriptedQuerier {
  const asked: Asked[] = [];
  const listeners: ((response: ReceivedResponse) => void)[] = [];
  const counts = { received: 0, malformed: 0, rejected: 0 };
  let closed = false;
  const keep = (isOneShot: boolean) => (bridge: Bridge, query: MdnsQuery) => {
    if (!closed) asked.push({ bridge, query, isOneShot });
  };
  return {
    asked,
    isClosed: () => closed,
    hear(bridge, source, message) {
      counts.received += 1;
      for (const listener of listeners) listener({ bridge, source, message });
    },
    open: async (bridges) => ({
      bridges,
      ask: keep(false),
      askOneShot: keep(true),
      onResponse: (listener) => listeners.push(listener),
      countRejected: () => {
        counts.rejected += 1;
      },
      packets: () => ({ ...counts }),
      close: async () => {
        closed = true;
      },
    }),
  };
}
