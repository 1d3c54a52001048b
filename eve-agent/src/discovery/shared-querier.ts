// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@local-datastore/shared/clock';
import type { Bridge } from './bridges.ts';
import type { MdnsQuery } from './dns-message.ts';
import type { OpenQuerier, PacketCounts, Querier, ReceivedResponse } from './querier.ts';

/** RFC 6762 §7.3: a question that was asked a moment ago need not be asked again. */
const SUPPRESSION_MS = 1000;

/** Many searches at the same time over one set of sockets. */
export interface SharedQuerier {
  /** Opens sockets for a set of bridges, or joins in where they are open. */
  readonly open: OpenQuerier;
  /** Whether a question of ours went out within the last second that an answer could be for. */
  hasJustAsked(): boolean;
}

interface Sockets {
  readonly querier: Querier;
  readonly users: Set<(response: ReceivedResponse) => void>;
  readonly askedMs: Map<string, number>;
  userCount: number;
}

const keyOf = (bridges: readonly Bridge[]) =>
  bridges.map(({ name, address, cidr }) => `${name} ${address} ${cidr}`).join('\n');

/** Questions for services have the same answers for everybody; those for a host's address are its seeker's. */
const isForEverybody = ({ questions }: MdnsQuery) => questions.every(({ type }) => type === 'PTR');

/**
 * Shares sockets among searches: each datagram is received and decoded once, and a question for services that
 * one search has just asked is not asked again for another.
 */
export function createSharedQuerier(openQuerier: OpenQuerier, clock: Clock): SharedQuerier {
  const opened = new Map<string, Promise<Sockets>>();
  let lastAskedMs = Number.NEGATIVE_INFINITY;

  async function openSockets(bridges: readonly Bridge[]): Promise<Sockets> {
    const querier = await openQuerier(bridges);
    const users: Sockets['users'] = new Set();
    querier.onResponse((response) => {
      for (const listener of [...users]) listener(response);
    });
    return { querier, users, askedMs: new Map(), userCount: 0 };
  }

  function ask({ querier, askedMs }: Sockets, bridge: Bridge, query: MdnsQuery): void {
    const nowMs = clock.nowMs();
    if (isForEverybody(query)) {
      const key = `${keyOf([bridge])} ${query.questions.map(({ name }) => name).join(' ')}`;
      if (nowMs - (askedMs.get(key) ?? Number.NEGATIVE_INFINITY) < SUPPRESSION_MS) return;
      askedMs.set(key, nowMs);
    }
    lastAskedMs = nowMs;
    querier.ask(bridge, query);
  }

  return {
    hasJustAsked: () => clock.nowMs() - lastAskedMs < SUPPRESSION_MS,
    async open(bridges) {
      const key = keyOf(bridges);
      const opening = opened.get(key) ?? openSockets(bridges);
      opened.set(key, opening);
      let sockets: Sockets;
      try {
        sockets = await opening;
      } catch (error) {
        if (opened.get(key) === opening) opened.delete(key);
        throw error;
      }
      sockets.userCount += 1;
      const listeners: ((response: ReceivedResponse) => void)[] = [];
      const before = sockets.querier.packets();
      let rejectedCount = 0;
      let isOpen = true;
      return {
        bridges: sockets.querier.bridges,
        ask: (bridge, query) => ask(sockets, bridge, query),
        askOneShot: (bridge, query) => {
          lastAskedMs = clock.nowMs();
          sockets.querier.askOneShot(bridge, query);
        },
        onResponse(listener) {
          listeners.push(listener);
          sockets.users.add(listener);
        },
        countRejected: () => {
          rejectedCount += 1;
        },
        packets(): PacketCounts {
          const { received, malformed, rejected } = sockets.querier.packets();
          return {
            received: received - before.received,
            malformed: malformed - before.malformed,
            rejected: rejected - before.rejected + rejectedCount,
          };
        },
        async close() {
          if (!isOpen) return;
          isOpen = false;
          for (const listener of listeners) sockets.users.delete(listener);
          sockets.userCount -= 1;
          if (sockets.userCount > 0) return;
          if (opened.get(key) === opening) opened.delete(key);
          await sockets.querier.close();
        },
      };
    },
  };
}
