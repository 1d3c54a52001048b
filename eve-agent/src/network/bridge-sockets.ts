import type { Socket } from 'node:dgram';
import { MDNS_GROUP_IPV4, MDNS_PORT } from '@local-datastore/shared/dns-sd/service-types';
import { errorMessage, systemErrorCode } from '@local-datastore/shared/errors';
import type { OpenBridgeSockets, PortRefusal, RawDatagram } from '../discovery/bridge-sockets.ts';
import type { Bridge } from '../discovery/bridges.ts';
import { DiscoveryError } from '../discovery/discovery-error.ts';
import { closeSocket, type MulticastSocket, openAskingSocket, openGroupSocket } from './multicast-socket.ts';

const RFC_IP_TTL = 255;

interface Link {
  readonly bridge: Bridge;
  /** Bound to the bridge's address and port 5353; undefined while that is refused. */
  mdns: MulticastSocket | undefined;
  /** Why the group could not be joined; undefined: it was, or there is no such socket. */
  joinError: string | undefined;
  /** Bound to the bridge's address and a port that the kernel chose. */
  own: MulticastSocket | undefined;
}

/** @returns the value; or what was thrown, as why the port is refused */
async function attempt<T>(open: () => Promise<T>): Promise<T | PortRefusal> {
  try {
    return await open();
  } catch (error) {
    return { code: systemErrorCode(error) ?? '', message: errorMessage(error) };
  }
}

const isRefusal = (value: object): value is PortRefusal => 'code' in value && 'message' in value;

function transmit({ socket }: MulticastSocket, bytes: Buffer, address: string): Promise<string | null> {
  return new Promise((resolve) => {
    try {
      socket.send(bytes, MDNS_PORT, address, (error) => resolve(error ? errorMessage(error) : null));
    } catch (error) {
      resolve(errorMessage(error));
    }
  });
}

/**
 * Opens the sockets. On port 5353 one hears the group for all bridges, and one a bridge sends, and hears what
 * is sent to its address alone. Beside each stands one on a port of our own: what comes to it is no
 * multicast and so no flood's, and it is there when port 5353 cannot be had.
 *
 * Nothing that happens to a socket later is thrown.
 *
 * @throws DiscoveryError `MDNS_UNAVAILABLE` when the system gives no socket at all
 */
export const openBridgeSockets: OpenBridgeSockets = async (bridges, { ipTtl = RFC_IP_TTL } = {}) => {
  const listeners = new Set<(datagram: RawDatagram) => void>();
  const hear = (socket: Socket, isToOwnPort: boolean) =>
    socket.on('message', (bytes, { address: source, port: sourcePort }) => {
      for (const listener of [...listeners]) listener({ bytes, source, sourcePort, isToOwnPort });
    });
  let group: Socket | undefined;
  let refusal: PortRefusal | undefined;
  let isClosed = false;

  async function openPort(links: readonly Link[]): Promise<void> {
    let refused: PortRefusal | undefined;
    if (group === undefined) {
      const opened = await attempt(openGroupSocket);
      if (isRefusal(opened)) refused = opened;
      else {
        group = opened;
        hear(group, false);
      }
    }
    for (const link of links) {
      const place = { address: link.bridge.address, port: MDNS_PORT, ipTtl };
      const opened = link.mdns ?? (await attempt(() => openAskingSocket(place)));
      if (isRefusal(opened)) {
        refused = opened;
        continue;
      }
      if (link.mdns === undefined) hear(opened.socket, false);
      link.mdns = opened;
      link.joinError = opened.join();
    }
    refusal = refused;
  }

  const all: Link[] = [];
  const failures: string[] = [];
  for (const bridge of bridges) {
    const own = await attempt(() => openAskingSocket({ address: bridge.address, port: 0, ipTtl }));
    if (isRefusal(own)) failures.push(`${bridge.name}: ${own.message}`);
    else hear(own.socket, true);
    all.push({ bridge, mdns: undefined, joinError: undefined, own: isRefusal(own) ? undefined : own });
  }
  await openPort(all);
  const links = all.filter(({ mdns, own }) => mdns !== undefined || own !== undefined);

  async function close(): Promise<void> {
    isClosed = true;
    const open = links.flatMap(({ mdns, own }) => [mdns, own]).filter((socket) => socket !== undefined);
    const closing = [
      ...open.map((socket) => socket.close()),
      ...(group === undefined ? [] : [closeSocket(group)]),
    ];
    group = undefined;
    for (const link of links) link.mdns = link.own = undefined;
    await Promise.all(closing);
  }

  if (links.length === 0) {
    await close();
    throw new DiscoveryError('MDNS_UNAVAILABLE', `multicast DNS cannot be used: ${failures.join('; ')}`, {
      details: { bridges: bridges.map(({ name }) => name) },
    });
  }
  const linkOf = (bridge: Bridge) => links.find((link) => link.bridge === bridge);
  const joinError = (bridge: Bridge) => linkOf(bridge)?.joinError;
  const sendBy = async (socket: MulticastSocket | undefined, bytes: Buffer, address: string) =>
    socket === undefined ? 'the socket is closed' : await transmit(socket, bytes, address);
  const hearsGroup = (bridge: Bridge) =>
    group !== undefined && linkOf(bridge)?.mdns !== undefined && joinError(bridge) === undefined;
  return {
    bridges: links.map(({ bridge }) => bridge),
    portRefusal: () => refusal,
    joinError,
    hearsGroup,
    async tryPortAgain() {
      if (isClosed) return false;
      await openPort(links);
      // What was opened while everything was being closed.
      if (isClosed) await close();
      return refusal === undefined && links.every(({ bridge }) => joinError(bridge) === undefined);
    },
    async send(bridge, bytes, address = MDNS_GROUP_IPV4) {
      const { mdns, own } = linkOf(bridge) ?? {};
      return await sendBy(hearsGroup(bridge) ? mdns : (own ?? mdns), bytes, address);
    },
    askFromOwnPort: async (bridge, questions) => (await linkOf(bridge)?.own?.ask(questions)) ?? null,
    listen(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close,
  };
};
