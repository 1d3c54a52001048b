// SPDX-License-Identifier: Apache-2.0
import { getSystemErrorName } from 'node:util';
import type { NetlinkSocket } from '@local-datastore/shared/confinement/system/netlink-socket';
import {
  AF_INET,
  decodeAddress,
  decodeLink,
  decodeRoute,
  encodeAddress,
  encodeLinkChange,
  encodeRoute,
  type Link,
  type LinkAddress,
  type Route,
} from './records.ts';
import { decodeMessages, encodeMessage, FLAG, MESSAGE, type NetlinkMessage, RtnetlinkError } from './wire.ts';

/**
 * Links, IPv4 addresses and routes of the network namespace that the socket is of. Changes throw RtnetlinkError with
 * the errno of the kernel: `EPERM` without CAP_NET_ADMIN, `EEXIST`, `ESRCH`, `ENODEV`, …
 */
export interface Rtnetlink {
  links(): Promise<Link[]>;
  /** Of all interfaces. */
  addresses(): Promise<LinkAddress[]>;
  /** Unicast routes of the main table. */
  routes(): Promise<Route[]>;
  changeLink(index: number, changes: { readonly isUp?: boolean; readonly mtu?: number }): Promise<void>;
  /** Sets an address, or how long it is kept, where it is there already. */
  putAddress(address: LinkAddress): Promise<void>;
  deleteAddress(address: LinkAddress): Promise<void>;
  addRoute(
    route: Route,
    options?: { readonly source?: string | null; readonly isOnLink?: boolean },
  ): Promise<void>;
  deleteRoute(route: Route): Promise<void>;
}

/** A table that changes all the time is read so often; then what was read last counts. */
const MAX_READS = 4;
const ERRNO_BYTES = 4;

/** @throws RtnetlinkError with the name of an errno that is not 0 */
function throwErrno(body: Buffer, action: string): void {
  if (body.length < ERRNO_BYTES)
    throw new RtnetlinkError('RTNETLINK_MALFORMED', 'an errno that is cut short');
  const errno = -body.readInt32LE(0);
  if (errno === 0) return;
  const code = errno > 0 ? getSystemErrorName(-errno) : 'EUNKNOWN';
  throw new RtnetlinkError(code, `${action}: ${code}`, { details: { errno } });
}

export function createRtnetlink(socket: NetlinkSocket): Rtnetlink {
  let sequence = 0;

  /** @returns the messages that answer this one, acknowledgements and ends of dumps included */
  async function ask(type: number, flags: number, body: Buffer): Promise<NetlinkMessage[]> {
    sequence = (sequence + 1) % 2 ** 32;
    const asked = sequence;
    const datagrams = await socket.request(
      encodeMessage({ type, flags: flags | FLAG.request, sequence: asked, body }),
    );
    return datagrams.flatMap(decodeMessages).filter((message) => message.sequence === asked);
  }

  async function change(action: string, type: number, flags: number, body: Buffer): Promise<void> {
    const answers = await ask(type, flags | FLAG.acknowledge, body);
    const acknowledgement = answers.find((message) => message.type === MESSAGE.error);
    if (acknowledgement === undefined) {
      throw new RtnetlinkError('RTNETLINK_MALFORMED', `${action}: the kernel did not answer`);
    }
    throwErrno(acknowledgement.body, action);
  }

  async function dump(
    action: string,
    type: number,
    answerType: number,
    family: number,
  ): Promise<NetlinkMessage[]> {
    // The fixed part of a link, which is the longest; the kernel reads no more than the family of it.
    const body = Buffer.alloc(16);
    body[0] = family;
    for (let read = 1; ; read += 1) {
      const answers = await ask(type, FLAG.dump, body);
      const end = answers.find((message) => message.type === MESSAGE.error || message.type === MESSAGE.done);
      if (end === undefined) {
        throw new RtnetlinkError('RTNETLINK_MALFORMED', `${action}: the answer has no end`);
      }
      if (end.body.length > 0) throwErrno(end.body, action);
      const isWhole = answers.every((message) => (message.flags & FLAG.interrupted) === 0);
      if (isWhole || read === MAX_READS) return answers.filter((message) => message.type === answerType);
    }
  }

  return {
    async links() {
      return (await dump('reading links', MESSAGE.getLink, MESSAGE.newLink, 0)).map(decodeLink);
    },
    async addresses() {
      const messages = await dump('reading addresses', MESSAGE.getAddress, MESSAGE.newAddress, AF_INET);
      return messages.map(decodeAddress).filter((address) => address !== null);
    },
    async routes() {
      const messages = await dump('reading routes', MESSAGE.getRoute, MESSAGE.newRoute, AF_INET);
      return messages.map(decodeRoute).filter((route) => route !== null);
    },
    changeLink: (index, changes) =>
      change('changing a link', MESSAGE.newLink, 0, encodeLinkChange(index, changes)),
    putAddress: (address) =>
      change(
        `setting ${address.address}`,
        MESSAGE.newAddress,
        FLAG.create | FLAG.replace,
        encodeAddress(address),
      ),
    deleteAddress: (address) =>
      change(`removing ${address.address}`, MESSAGE.deleteAddress, 0, encodeAddress(address)),
    addRoute: (route, options) =>
      change(
        `adding a route to ${route.destination}`,
        MESSAGE.newRoute,
        FLAG.create | FLAG.exclusive,
        encodeRoute(route, options),
      ),
    deleteRoute: (route) =>
      change(`removing the route to ${route.destination}`, MESSAGE.deleteRoute, 0, encodeRoute(route)),
  };
}
