// SPDX-License-Identifier: Apache-2.0
/**
 * A bare socket on port 5353: `mdns-socket.ts INTERFACE-ADDRESS [IP-TTL] [REFLECTION]`. Joins the group on that
 * interface; with a Reflection, as JSON, it sends back what it hears.
 * Each line of standard input, a datagram in hex, is sent to the group; several on one line, separated by
 * spaces, leave back to back. Each event is a JSON line: `ready`, `sent`, or `heard` with the datagram in hex.
 */
import { createSocket } from 'node:dgram';
import { createInterface } from 'node:readline';
import { MDNS_GROUP_IPV4, MDNS_PORT } from '@local-datastore/shared/dns-sd/service-types';
import type { Reflection } from '../mdns-peer.ts';

const QR_BIT = 0x80;

const [address = '', ttl = '1', rule] = process.argv.slice(2);
const reflection = rule === undefined ? undefined : (JSON.parse(rule) as Reflection);
const print = (event: object) =>
  process.stdout.write(`${JSON.stringify({ atMs: performance.now(), ...event })}\n`);

const socket = createSocket({ type: 'udp4', reuseAddr: true });
socket.on('message', (bytes, { address: source, port: sourcePort }) => {
  if (source === address) return;
  print({ event: 'heard', source, sourcePort, hex: bytes.toString('hex') });
  const isResponse = ((bytes[2] ?? 0) & QR_BIT) !== 0;
  if (reflection === undefined || (reflection.what === 'responses' && !isResponse)) return;
  const copy = reflection.isCut ? bytes.subarray(0, bytes.length / 2) : bytes;
  for (const delayMs of reflection.delaysMs) {
    setTimeout(() => socket.send(copy, MDNS_PORT, MDNS_GROUP_IPV4), delayMs);
  }
});
socket.bind(MDNS_PORT, () => {
  socket.addMembership(MDNS_GROUP_IPV4, address);
  socket.setMulticastInterface(address);
  socket.setMulticastTTL(Number(ttl));
  print({ event: 'ready' });
});
createInterface({ input: process.stdin }).on('line', (line) => {
  for (const hex of line.split(' ')) {
    socket.send(Buffer.from(hex, 'hex'), MDNS_PORT, MDNS_GROUP_IPV4);
  }
  print({ event: 'sent' });
});
