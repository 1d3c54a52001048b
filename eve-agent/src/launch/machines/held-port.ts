// SPDX-License-Identifier: Apache-2.0
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { pipeline } from 'node:stream';
import type { Clock } from '@local-datastore/shared/clock';
import { systemErrorCode } from '@local-datastore/shared/errors';
import { createDatagramRelay, type Target } from './datagram-relay.ts';

/** A port of this host, at each of its addresses. */
export interface HostPort {
  readonly protocol: 'tcp' | 'udp';
  readonly hostPort: number;
}

/** A port that nobody else can have meanwhile. */
export interface HeldPort {
  /** With the connections that came by it. */
  close(): Promise<void>;
}

/** A host without IPv6. */
const NO_IPV6 = new Set(['EAFNOSUPPORT', 'EADDRNOTAVAIL', 'EINVAL']);
/** Beside what the kernel's packet filter leads by itself. */
const MAX_CONNECTIONS = 1000;
const CONNECT_LIMIT_MS = 10_000;

/** @throws Error that `bind` gave, as EADDRINUSE */
async function onAnyAddress<Held>(bind: (address: '::' | '0.0.0.0') => Promise<Held>): Promise<Held> {
  try {
    return await bind('::');
  } catch (error) {
    if (!NO_IPV6.has(systemErrorCode(error) ?? '')) throw error;
    return await bind('0.0.0.0');
  }
}

function passOn(from: Socket, whereTo: () => Target | null): void {
  const target = whereTo();
  if (target === null) {
    from.resetAndDestroy();
    return;
  }
  const to = connect({ host: target.address, port: target.port, allowHalfOpen: true, keepAlive: true });
  const late = () => to.destroy(new Error('it does not answer'));
  to.setTimeout(CONNECT_LIMIT_MS, late);
  to.once('connect', () => to.setTimeout(0));
  // Either end that breaks breaks the other: whoever asks sees that it is over.
  pipeline(from, to, () => {});
  pipeline(to, from, () => {});
}

async function holdTcp(hostPort: number, whereTo: () => Target | null): Promise<HeldPort> {
  const open = new Set<Socket>();
  const server = await onAnyAddress(async (host) => {
    const listening = createServer({ allowHalfOpen: true, keepAlive: true }, (socket) => {
      open.add(socket);
      socket.once('close', () => open.delete(socket));
      passOn(socket, whereTo);
    });
    listening.maxConnections = MAX_CONNECTIONS;
    listening.listen({ host, port: hostPort });
    await once(listening, 'listening');
    return listening;
  });
  return {
    async close() {
      const closed = once(server, 'close');
      server.close();
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
}

async function holdUdp(hostPort: number, whereTo: () => Target | null, clock: Clock): Promise<HeldPort> {
  const socket = await onAnyAddress(async (address) => {
    const bound = createSocket(address === '::' ? 'udp6' : 'udp4');
    bound.bind({ address, port: hostPort });
    try {
      await once(bound, 'listening');
    } catch (error) {
      bound.close();
      throw error;
    }
    // Who asked may be away by now.
    bound.on('error', () => {});
    return bound;
  });
  const relay = createDatagramRelay({
    whereTo,
    answer: (datagram, { port, address }) => socket.send(datagram, port, address, () => {}),
    clock,
  });
  socket.on('message', (datagram, { address, port }) => relay.take(datagram, { address, port }));
  return {
    async close() {
      const closed = once(socket, 'close');
      socket.close();
      relay.close();
      await closed;
    },
  };
}

/**
 * Takes a port of this host, so that no program and no engine of containers gets it. What comes to it is passed on, for
 * ways that no rule leads: by loopback, by IPv6, and from the machine's own neighbours.
 *
 * @param whereTo asked for each connection and datagram; null: nowhere, and it is broken off, or let go
 * @throws Error of the system: EADDRINUSE where somebody has it, EACCES where it is not for this process
 */
export const holdPort = (
  { protocol, hostPort }: HostPort,
  whereTo: () => Target | null,
  clock: Clock,
): Promise<HeldPort> => (protocol === 'tcp' ? holdTcp(hostPort, whereTo) : holdUdp(hostPort, whereTo, clock));
