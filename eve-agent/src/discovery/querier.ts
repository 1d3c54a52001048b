// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@local-datastore/shared/clock';
import { MDNS_PORT } from '@local-datastore/shared/dns-sd/service-types';
import type { Log } from '@local-datastore/shared/log';
import type { BridgeSockets, OpenBridgeSockets } from './bridge-sockets.ts';
import type { Bridge } from './bridges.ts';
import { createDatagramFilter } from './datagram-filter.ts';
import { decodeMessage } from './decode-message.ts';
import { type DnsMessage, encodeQuery, type MdnsQuery, oneShotQueries } from './dns-message.ts';
import { describePortHolder, type PortHolderSources } from './port-holder.ts';

export interface PacketCounts {
  /** Datagrams that reached us by multicast DNS, but for this host's own questions. */
  readonly received: number;
  /** Of those: not DNS at all. */
  readonly malformed: number;
  /** Of those: refused for where they came from, what they hold, or how many there were. */
  readonly rejected: number;
}

/** A response that came over one of the bridges. Nothing in it can be trusted. */
export interface ReceivedResponse {
  readonly message: DnsMessage;
  /** The sender's address. */
  readonly source: string;
  readonly bridge: Bridge;
}

/** Asks by multicast DNS on several bridges at once, and hears what is answered. */
export interface Querier {
  readonly bridges: readonly Bridge[];
  /**
   * Sends a query on one bridge: from port 5353, and a moment later from a port of our own. What the system
   * refuses is logged: the bridge may be gone.
   */
  ask(bridge: Bridge, query: MdnsQuery): void;
  /** The same from our own port alone: to ask once more where datagrams are lost. */
  askOneShot(bridge: Bridge, query: MdnsQuery): void;
  onResponse(listener: (response: ReceivedResponse) => void): void;
  /** The listener's verdict on the content of a response, for the counts. */
  countRejected(): void;
  packets(): PacketCounts;
  close(): Promise<void>;
}

export type OpenQuerier = (bridges: readonly Bridge[]) => Promise<Querier>;

export interface QuerierDeps {
  readonly openSockets: OpenBridgeSockets;
  readonly portHolderSources: PortHolderSources;
  readonly log: Log;
  readonly clock: Clock;
}

/**
 * When what was asked from port 5353 is asked from a port of our own, too. Whoever is heard at once has
 * answered by then; otherwise a flood may hide the answer, or another program on port 5353 have taken it.
 */
const OWN_PORT_DELAY_MS = 250;
/** How often port 5353 and the group are tried again, where they are missing. */
const PORT_RETRY_MS = 10_000;

/**
 * Makes queriers on real sockets. What happens to a socket is logged, and ends nothing: where port 5353 cannot be
 * had, questions go out from a port of our own (one-shot queries, RFC 6762 §5.1), answers come to it (§6.7), and
 * the port is tried again.
 *
 * @throws (the returned function) DiscoveryError `MDNS_UNAVAILABLE` when the system gives no socket at all
 */
export function createOpenQuerier(deps: QuerierDeps): OpenQuerier {
  const { openSockets, log, clock } = deps;
  return async (bridges) => {
    const sockets = await openSockets(bridges);
    for (const bridge of bridges) {
      if (!sockets.bridges.includes(bridge))
        log.warn({ bridge: bridge.name }, 'no multicast DNS on this bridge');
    }
    const listeners: ((response: ReceivedResponse) => void)[] = [];
    const counts = { received: 0, malformed: 0, rejected: 0 };
    const judge = createDatagramFilter(sockets.bridges, clock.nowMs);
    sockets.listen(({ bytes, source, sourcePort, isToOwnPort }) => {
      const verdict = judge(bytes, { address: source, port: sourcePort, isToOwnPort });
      if (verdict.kind === 'query' && verdict.isOfThisHost) return;
      counts.received += 1;
      if (verdict.kind === 'malformed' || verdict.kind === 'rejected') counts[verdict.kind] += 1;
      if (verdict.kind !== 'response') return;
      const message = decodeMessage(bytes);
      if (message === null) {
        counts.malformed += 1;
        return;
      }
      for (const listener of listeners) listener({ message, source, bridge: verdict.bridge });
    });

    const pending = new Set<() => void>();
    let isClosed = false;
    const after = (delayMs: number, callback: () => void) => {
      if (isClosed) return;
      const cancel = clock.after(delayMs, () => {
        pending.delete(cancel);
        callback();
      });
      pending.add(cancel);
    };
    const report = (bridge: Bridge, refusal: string | null) => {
      if (refusal !== null)
        log.warn({ bridge: bridge.name, reason: refusal }, 'the question could not be sent');
    };
    const askOneShot = (bridge: Bridge, query: MdnsQuery) => {
      for (const { questions } of oneShotQueries(query)) {
        void sockets.askFromOwnPort(bridge, questions).then((refusal) => report(bridge, refusal));
      }
    };
    keepTryingPort(deps, sockets, after);

    return {
      bridges: sockets.bridges,
      ask(bridge, query) {
        if (!sockets.hearsGroup(bridge)) {
          askOneShot(bridge, query);
          return;
        }
        void sockets.send(bridge, encodeQuery(query)).then((refusal) => report(bridge, refusal));
        after(OWN_PORT_DELAY_MS, () => askOneShot(bridge, query));
      },
      askOneShot,
      onResponse: (listener) => listeners.push(listener),
      countRejected: () => {
        counts.rejected += 1;
      },
      packets: () => ({ ...counts }),
      async close() {
        isClosed = true;
        for (const cancel of pending) cancel();
        pending.clear();
        await sockets.close();
      },
    };
  };
}

/** Says once what is missing, and tries it again until it is had. */
function keepTryingPort(
  { log, portHolderSources }: QuerierDeps,
  sockets: BridgeSockets,
  after: (delayMs: number, callback: () => void) => void,
): void {
  const refusal = sockets.portRefusal();
  const unheard = sockets.bridges.filter((bridge) => !sockets.hearsGroup(bridge));
  if (refusal === undefined && unheard.length === 0) return;
  const names = unheard.map(({ name }) => name);
  if (refusal !== undefined) {
    log.warn(
      { bridges: names, reason: refusal.message, holder: describePortHolder(refusal, portHolderSources) },
      `UDP port ${MDNS_PORT} cannot be had: asking from another port; announcements are not heard`,
    );
  } else {
    const reasons = unheard.map((bridge) => `${bridge.name}: ${sockets.joinError(bridge)}`);
    log.warn({ bridges: names, reason: reasons.join('; ') }, 'the multicast group cannot be joined');
  }
  const tryAgain = async () => {
    if (await sockets.tryPortAgain()) log.info({ bridges: names }, `UDP port ${MDNS_PORT} can be had now`);
    else after(PORT_RETRY_MS, tryAgain);
  };
  after(PORT_RETRY_MS, tryAgain);
}
