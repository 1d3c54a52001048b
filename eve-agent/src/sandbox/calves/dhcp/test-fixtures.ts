// SPDX-License-Identifier: Apache-2.0
/** For tests: a client whose chance always falls in the middle, and what servers and neighbours say to it. */
import type { ArpPacket } from './arp.ts';
import { STOPPED, step } from './client-machine.ts';
import type { ClientAction, ClientEvent, ClientState, Outgoing } from './client-state.ts';
import type { Received } from './lease.ts';
import type { DhcpMessage } from './message.ts';
import type { Parameters } from './parameters.ts';

export const CLIENT_MAC = '02:00:00:00:00:01';
export const SERVER_MAC = '02:00:00:00:00:fe';
export const SERVER = '10.0.0.1';
export const ADDRESS = '10.0.0.5';
/** What the middle of all transaction identifiers is. */
export const TRANSACTION = 2 ** 31;

export interface Said {
  readonly message?: Partial<DhcpMessage>;
  readonly parameters?: Partial<Parameters>;
  /** Left out of the parameters. */
  readonly without?: readonly (keyof Parameters)[];
  readonly source?: string;
}

/** A complete message of a server to the client, unless told otherwise. */
export function said(
  type: Parameters['type'],
  { message, parameters, without = [], source }: Said = {},
): Received {
  const all: Parameters = {
    type,
    serverId: SERVER,
    prefixLength: 24,
    routers: [SERVER],
    nameServers: [],
    search: [],
    leaseSeconds: 3600,
    unreadable: [],
    ...parameters,
  };
  return {
    message: {
      operation: 'reply',
      transactionId: TRANSACTION,
      seconds: 0,
      isBroadcast: false,
      clientAddress: '0.0.0.0',
      yourAddress: type === 'nak' ? '0.0.0.0' : ADDRESS,
      nextServer: '0.0.0.0',
      relay: '0.0.0.0',
      clientMac: CLIENT_MAC,
      options: new Map(),
      ...message,
    },
    parameters: Object.fromEntries(
      Object.entries(all).filter(([key]) => !without.includes(key as keyof Parameters)),
    ) as unknown as Parameters,
    source: source ?? SERVER,
    sourceMac: SERVER_MAC,
  };
}

export const arp = (packet: Partial<ArpPacket>): ClientEvent => ({
  kind: 'arp',
  packet: {
    operation: 'request',
    senderMac: '02:00:00:00:00:99',
    senderAddress: ADDRESS,
    targetMac: '00:00:00:00:00:00',
    targetAddress: ADDRESS,
    ...packet,
  },
});

/** A client at whose side time is moved by hand. */
export interface TestClient {
  state(): ClientState;
  nowMs(): number;
  /** Hands it an event now. @returns what it does */
  on(event: ClientEvent): readonly ClientAction[];
  hear(type: Parameters['type'], what?: Said): readonly ClientAction[];
  /** Lets time go by until something is due. @returns what it does */
  wait(): readonly ClientAction[];
  /** Lets so much time go by before the first thing that is due is told. @returns what it does */
  sleep(milliseconds: number): readonly ClientAction[];
  /** Lets so much time go by without telling of anything that is due. */
  drowse(milliseconds: number): void;
  /** Lets so much time go by, whatever falls due within it. */
  pass(milliseconds: number): readonly ClientAction[];
}

export function createTestClient({ isProbing = false }: { readonly isProbing?: boolean } = {}): TestClient {
  const context = { mac: CLIENT_MAC, random: () => 0.5, isProbing };
  let state = STOPPED;
  let nowMs = 1_000_000;
  const on = (event: ClientEvent) => {
    const next = step(context, state, event, nowMs);
    state = next.state;
    return next.actions;
  };
  const wait = () => {
    if (state.dueAtMs === null) throw new Error(`nothing is due in ${state.kind}`);
    nowMs = Math.max(nowMs, state.dueAtMs);
    return on({ kind: 'due' });
  };
  return {
    state: () => state,
    nowMs: () => nowMs,
    on,
    hear: (type, what) => on({ kind: 'received', received: said(type, what) }),
    wait,
    drowse(milliseconds) {
      nowMs += milliseconds;
    },
    sleep(milliseconds) {
      nowMs += milliseconds;
      return on({ kind: 'due' });
    },
    pass(milliseconds) {
      const endMs = nowMs + milliseconds;
      const actions: ClientAction[] = [];
      while (state.dueAtMs !== null && state.dueAtMs <= endMs) actions.push(...wait());
      nowMs = endMs;
      return actions;
    },
  };
}

/** The one message among actions. */
export function sent(actions: readonly ClientAction[]): Outgoing {
  const [message, ...more] = actions.flatMap((action) => (action.kind === 'send' ? [action.message] : []));
  if (message === undefined || more.length > 0)
    throw new Error(`not one message: ${JSON.stringify(actions)}`);
  return message;
}

/** A client that has asked for an address and got offers. */
export function createSelectingClient(options?: { readonly isProbing?: boolean }): TestClient {
  const client = createTestClient(options);
  client.on({ kind: 'started', address: null });
  client.wait();
  return client;
}

/** A client that holds a lease of an hour, requested just now. */
export function createBoundClient(ack?: Said): TestClient {
  const client = createSelectingClient();
  client.hear('offer');
  client.hear('ack', ack);
  return client;
}
