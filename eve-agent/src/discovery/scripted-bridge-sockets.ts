// SPDX-License-Identifier: Apache-2.0
import type { OpenBridgeSockets, PortRefusal, RawDatagram } from './bridge-sockets.ts';
import type { Bridge } from './bridges.ts';
import { encodeQuery } from './dns-message.ts';

/** What the system does, as a test wants it; it may change at any time. */
export interface ScriptedSystem {
  /** Bridges that give sockets; empty: all that are wanted. */
  opened: readonly Bridge[];
  /** Why port 5353 cannot be had. */
  refusal: PortRefusal | undefined;
  /** Why the group cannot be joined, by bridge. */
  readonly joinErrors: Map<Bridge, string>;
  /** Why nothing can be sent. */
  sendError: string | null;
}

/** Sockets for tests: they keep what is sent, and hear what the test says. */
export interface ScriptedBridgeSockets {
  readonly open: OpenBridgeSockets;
  readonly system: ScriptedSystem;
  readonly sent: readonly {
    readonly from: 'mdns' | 'own';
    readonly bridge: Bridge;
    readonly bytes: Buffer;
  }[];
  /** How often port 5353 was tried again. */
  tries(): number;
  isClosed(): boolean;
  hear(datagram: RawDatagram): void;
}

export function createScriptedBridgeSockets(): ScriptedBridgeSockets {
  const system: ScriptedSystem = { opened: [], refusal: undefined, joinErrors: new Map(), sendError: null };
  const sent: { from: 'mdns' | 'own'; bridge: Bridge; bytes: Buffer }[] = [];
  const listeners = new Set<(datagram: RawDatagram) => void>();
  let tries = 0;
  let isClosed = false;
  const keep = (from: 'mdns' | 'own', bridge: Bridge, bytes: Buffer) => {
    sent.push({ from, bridge, bytes });
    return system.sendError;
  };
  return {
    system,
    sent,
    tries: () => tries,
    isClosed: () => isClosed,
    hear(datagram) {
      for (const listener of [...listeners]) listener(datagram);
    },
    open: async (bridges) => ({
      bridges: system.opened.length > 0 ? system.opened : bridges,
      portRefusal: () => system.refusal,
      joinError: (bridge) => system.joinErrors.get(bridge),
      hearsGroup: (bridge) => !isClosed && system.refusal === undefined && !system.joinErrors.has(bridge),
      async tryPortAgain() {
        tries += 1;
        return !isClosed && system.refusal === undefined && system.joinErrors.size === 0;
      },
      send: async (bridge, bytes) => (isClosed ? 'the socket is closed' : keep('mdns', bridge, bytes)),
      askFromOwnPort: async (bridge, questions) =>
        isClosed ? null : keep('own', bridge, encodeQuery({ questions })),
      listen(listener) {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
      async close() {
        isClosed = true;
        listeners.clear();
      },
    }),
  };
}
