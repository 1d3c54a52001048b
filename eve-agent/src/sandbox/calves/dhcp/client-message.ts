// SPDX-License-Identifier: Apache-2.0
import { BROADCAST_ADDRESS, BROADCAST_MAC, ipv4Bytes, macBytes, NO_ADDRESS } from './address-bytes.ts';
import type { Outgoing } from './client-state.ts';
import type { Received } from './lease.ts';
import { MalformedPacketError } from './malformed-packet.ts';
import { decodeMessage, encodeMessage } from './message.ts';
import { MESSAGE_TYPES, OPTION } from './option-codes.ts';
import { readParameters } from './parameters.ts';
import { decodeUdpFrame, encodeUdpFrame } from './udp-frame.ts';

/** RFC 2131 §4.1. */
export const SERVER_PORT = 67;
export const CLIENT_PORT = 68;
/** RFC 1700: a client identifier that is a hardware address of Ethernet. */
const ETHERNET = 1;
/** RFC 2132 §9.10: what comes in one frame of Ethernet. */
const MAX_MESSAGE_BYTES = 1500;
const VENDOR_CLASS = 'eve-agent';
/** RFC 3442: classless routes are asked for before routers. */
const WANTED = Buffer.from([
  OPTION.subnetMask,
  OPTION.classlessRoutes,
  OPTION.router,
  OPTION.nameServer,
  OPTION.domainName,
  OPTION.interfaceMtu,
  OPTION.leaseTime,
  OPTION.serverIdentifier,
  OPTION.renewalTime,
  OPTION.rebindingTime,
  OPTION.domainSearch,
]);

/** Who the client is to servers. */
export interface ClientIdentity {
  readonly mac: string;
  /** Told to servers, which may put it into their DNS; null: none. */
  readonly hostName: string | null;
}

function number16(value: number): Buffer {
  return Buffer.from([value >> 8, value & 0xff]);
}

/** Options of a message in the order in which servers are known to like them: its type first. */
function optionsOf({ mac, hostName }: ClientIdentity, message: Outgoing): Map<number, Buffer> {
  const options = new Map<number, Buffer>();
  options.set(OPTION.messageType, Buffer.from([MESSAGE_TYPES.indexOf(message.type) + 1]));
  options.set(OPTION.clientIdentifier, Buffer.concat([Buffer.from([ETHERNET]), macBytes(mac)]));
  if (message.requestedAddress !== null)
    options.set(OPTION.requestedAddress, ipv4Bytes(message.requestedAddress));
  if (message.serverId !== null) options.set(OPTION.serverIdentifier, ipv4Bytes(message.serverId));
  // RFC 2131 table 5: nothing else belongs into the others.
  if (message.type === 'discover' || message.type === 'request') {
    options.set(OPTION.maximumSize, number16(MAX_MESSAGE_BYTES));
    options.set(OPTION.vendorClass, Buffer.from(VENDOR_CLASS));
    if (hostName !== null) options.set(OPTION.hostName, Buffer.from(hostName));
    options.set(OPTION.parameterList, WANTED);
  }
  return options;
}

/**
 * The frame of a message to servers.
 *
 * @param to null: to all on the link
 */
export function encodeClientFrame(
  identity: ClientIdentity,
  message: Outgoing,
  to: { readonly address: string; readonly mac: string } | null,
): Buffer {
  const payload = encodeMessage({
    operation: 'request',
    transactionId: message.transactionId,
    seconds: message.seconds,
    isBroadcast: message.isBroadcast,
    clientAddress: message.clientAddress ?? NO_ADDRESS,
    yourAddress: NO_ADDRESS,
    nextServer: NO_ADDRESS,
    relay: NO_ADDRESS,
    clientMac: identity.mac,
    options: optionsOf(identity, message),
  });
  return encodeUdpFrame({
    sourceMac: identity.mac,
    targetMac: to?.mac ?? BROADCAST_MAC,
    source: message.clientAddress ?? NO_ADDRESS,
    target: to?.address ?? BROADCAST_ADDRESS,
    sourcePort: CLIENT_PORT,
    targetPort: SERVER_PORT,
    payload,
  });
}

/**
 * Reads a frame that may be from a server.
 *
 * @param isChecksumLeftOut as in {@link decodeUdpFrame}
 * @throws MalformedPacketError for what is none
 */
export function decodeServerFrame(frame: Buffer, isChecksumLeftOut: boolean): Received {
  const { source, sourceMac, targetPort, payload } = decodeUdpFrame(frame, isChecksumLeftOut);
  if (targetPort !== CLIENT_PORT) throw new MalformedPacketError('not for the port of clients');
  const message = decodeMessage(payload);
  return { message, parameters: readParameters(message), source, sourceMac };
}
