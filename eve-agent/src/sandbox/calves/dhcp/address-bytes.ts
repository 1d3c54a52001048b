// SPDX-License-Identifier: Apache-2.0
import { parseIpv4 } from '@local-datastore/shared/net/ip-address';

const MAC_BYTES = 6;
export const IPV4_BYTES = 4;
/** A whole hardware address, lower case with colons. */
export const BROADCAST_MAC = 'ff:ff:ff:ff:ff:ff';
export const NO_MAC = '00:00:00:00:00:00';
/** `INADDR_ANY`: none yet. */
export const NO_ADDRESS = '0.0.0.0';
export const BROADCAST_ADDRESS = '255.255.255.255';

const MAC = /^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/;

/** Whether a text is a hardware address of Ethernet as this project writes it: `02:42:0a:01:00:05`. */
export const isMac = (text: string): boolean => MAC.test(text);

/** @param offset where it begins; the bytes must be there */
export function readMac(bytes: Buffer, offset: number): string {
  return bytes.toString('hex', offset, offset + MAC_BYTES).replace(/..(?!$)/g, '$&:');
}

/** @returns dotted decimal */
export function readIpv4(bytes: Buffer, offset: number): string {
  return bytes.subarray(offset, offset + IPV4_BYTES).join('.');
}

/** @throws RangeError for what is no hardware address: a fault of the program */
export function macBytes(mac: string): Buffer {
  if (!isMac(mac)) throw new RangeError(`${mac} is no hardware address`);
  return Buffer.from(mac.replaceAll(':', ''), 'hex');
}

/** @throws RangeError for what is no IPv4 address: a fault of the program */
export function ipv4Bytes(address: string): Buffer {
  const number = parseIpv4(address);
  if (number === null) throw new RangeError(`${address} is no IPv4 address`);
  const bytes = Buffer.alloc(IPV4_BYTES);
  bytes.writeUInt32BE(number);
  return bytes;
}
