/**
 * A bare socket on port 5353: `mdns-socket.ts INTERFACE-ADDRESS [IP-TTL] [reflect]`. Joins the group on that
 * interface; with `reflect` it sends every response back after a moment, as an mDNS reflector may.
 * Each line of standard input, a datagram in hex, is sent to the group; several on one line, separated by
 * spaces, leave back to back. Each event is a JSON line: `ready`, `sent`, or `heard` with the datagram in hex.
 */
import { createSocket } from 'node:dgram';
import { createInterface } from 'node:readline';
import { MDNS_GROUP_IPV4, MDNS_PORT } from '@local-datastore/shared/dns-sd/service-types';

const QR_BIT = 0x80;
/** So long that an announcement comes back while the next service is being probed. */
const REFLECTION_DELAY_MS = 500;

const [address = '', ttl = '1', mode] = process.argv.slice(2);
const print = (event: object) =>
  process.stdout.write(`${JSON.stringify({ atMs: performance.now(), ...event })}\n`);

const socket = createSocket({ type: 'udp4', reuseAddr: true });
socket.on('message', (bytes, { address: source, port: sourcePort }) => {
  if (source === address) return;
  print({ event: 'heard', source, sourcePort, hex: bytes.toString('hex') });
  const isResponse = ((bytes[2] ?? 0) & QR_BIT) !== 0;
  if (mode === 'reflect' && isResponse) {
    setTimeout(() => socket.send(bytes, MDNS_PORT, MDNS_GROUP_IPV4), REFLECTION_DELAY_MS);
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
