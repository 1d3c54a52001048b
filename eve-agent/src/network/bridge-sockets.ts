// SPDX-License-Identifier: Apache-2.0
import type { Socket } from 'node:dgram';
import { MDNS_GROUP_IPV4, MDNS_PORT } from '@local-datastore/shared/dns-sd/service-types';
import { errorMessage, systemErrorCode } from '@local-datastore/shared/errors';
import type { OpenBridgeSockets, PortRefusal, RawDatagram } from '../discovery/bridge-sockets.ts';
import type { Bridge } from '../discovery/bridges.ts';
import { DiscoveryError } from '../discovery/discovery-error.ts';
import { closeSocket, type MulticastSocket, type MulticastSockets } from './multicast-socket.ts';
import { systemMulticastSockets } from './system-multicast-sockets.ts';

const RFC_IP_TTL = 255;

interface Link {
  readonly bridge: Bridge;
  /** Bound to the bridge's address and port 5353; undefined while that is refused. */
  mdns: MulticastSocket | undefined;
  /** Why the group could not be joined; undefined: it was, or there is no such socket. */
  joinError: string | undefined;
  /**
   * Bound to the bridge's address and a port that the kernel chose; undefined: it was not needed yet, as where the group
   * is heard the answer mostly comes before.
   */
  own: Promise<MulticastSocket | PortRefusal> | undefined;
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
 * Makes what opens the sockets. On port 5353 one hears the group for all bridges, and one a bridge sends, and hears what
 * is sent to its address alone. Beside each stands, from its first question on, one on a port of our own: what comes to
 * it is no multicast and so no flood's. Where the group is not heard it is there from the beginning.
 *
 * Nothing that happens to a socket later is thrown.
 *
 * @throws (the returned function) DiscoveryError `MDNS_UNAVAILABLE` when the system gives no socket at all
 */
export const createOpenBridgeSockets =
  (from: MulticastSockets): OpenBridgeSockets =>
  async (bridges, { ipTtl = RFC_IP_TTL } = {}) => {
    const listeners = new Set<(datagram: RawDatagram) => void>();
    const hear = (socket: Socket, isToOwnPort: boolean) =>
      socket.on('message', (bytes, { address: source, port: sourcePort }) => {
        for (const listener of [...listeners]) listener({ bytes, source, sourcePort, isToOwnPort });
      });
    let group: Socket | undefined;
    let refusal: PortRefusal | undefined;
    let isClosed = false;

    async function openGroup(): Promise<PortRefusal | undefined> {
      if (group !== undefined) return undefined;
      const opened = await attempt(() => from.openGroup());
      if (isRefusal(opened)) return opened;
      group = opened;
      hear(group, false);
      return undefined;
    }
    async function openLink(link: Link): Promise<PortRefusal | undefined> {
      const place = { address: link.bridge.address, port: MDNS_PORT, ipTtl };
      const opened = link.mdns ?? (await attempt(() => from.openAsking(place)));
      if (isRefusal(opened)) return opened;
      if (link.mdns === undefined) hear(opened.socket, false);
      link.mdns = opened;
      link.joinError = await opened.join();
      return undefined;
    }
    /** All at once: none needs another, and each may be a way to another process and back. */
    async function openPort(links: readonly Link[]): Promise<void> {
      const refusals = await Promise.all([openGroup(), ...links.map(openLink)]);
      refusal = refusals.findLast((refused) => refused !== undefined);
    }

    async function openOwn({ address }: Bridge): Promise<MulticastSocket | PortRefusal> {
      const own = await attempt(() => from.openAsking({ address, port: 0, ipTtl }));
      if (!isRefusal(own)) hear(own.socket, true);
      return own;
    }
    const ownOf = (link: Link) => {
      link.own ??= openOwn(link.bridge);
      return link.own;
    };

    const all = bridges.map(
      (bridge): Link => ({ bridge, mdns: undefined, joinError: undefined, own: undefined }),
    );
    await openPort(all);
    const doesHear = ({ mdns, joinError }: Link) =>
      group !== undefined && mdns !== undefined && joinError === undefined;
    const failures: string[] = [];
    const links: Link[] = [];
    for (const link of all) {
      const own = doesHear(link) ? undefined : await ownOf(link);
      const isRefused = own !== undefined && isRefusal(own);
      if (isRefused) failures.push(`${link.bridge.name}: ${own.message}`);
      if (!isRefused || link.mdns !== undefined) links.push(link);
    }

    async function close(): Promise<void> {
      isClosed = true;
      const closeOwn = async ({ own }: Link) => {
        const opened = await own;
        if (opened !== undefined && !isRefusal(opened)) await opened.close();
      };
      const closing = [
        ...all.flatMap((link) => [link.mdns?.close(), closeOwn(link)]),
        ...(group === undefined ? [] : [closeSocket(group)]),
      ];
      group = undefined;
      for (const link of all) link.mdns = link.own = undefined;
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
    const hearsGroup = (bridge: Bridge) => {
      const link = linkOf(bridge);
      return link !== undefined && doesHear(link);
    };
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
        const link = linkOf(bridge);
        if (link === undefined || doesHear(link)) return await sendBy(link?.mdns, bytes, address);
        const own = await link.own;
        const isUsable = own !== undefined && !isRefusal(own);
        return await sendBy(isUsable ? own : link.mdns, bytes, address);
      },
      async askFromOwnPort(bridge, questions) {
        const link = linkOf(bridge);
        if (link === undefined || isClosed) return null;
        const own = await ownOf(link);
        return isRefusal(own) ? own.message : await own.ask(questions);
      },
      listen(listener) {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
      close,
    };
  };

/** On this host's own sockets. */
export const openBridgeSockets = createOpenBridgeSockets(systemMulticastSockets);
