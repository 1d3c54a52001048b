// SPDX-License-Identifier: Apache-2.0
/**
 * Floods a link with malformed and hostile multicast DNS: `mdns-flood.ts OPTIONS-JSON`. Prints a JSON line when
 * it begins, and one with what was sent when SIGTERM ends it.
 */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { MDNS_GROUP_IPV4, MDNS_PORT } from '@local-datastore/shared/dns-sd/service-types';
import { createRandom } from '../../random.ts';
import { hostileDatagram, malformedDatagram, type Source } from '../hostile-datagrams.ts';
import type { FloodEvent, FloodOptions } from '../mdns-flood.ts';

const TICK_MS = 10;
/** A tick that comes late makes up for what it missed, within this. */
const MAX_BURST = 200;

const options: FloodOptions = JSON.parse(process.argv[2] ?? '');
const random = createRandom(options.seed);
const print = (event: FloodEvent) => process.stdout.write(`${JSON.stringify(event)}\n`);

async function openSocket(address: string): Promise<Socket> {
  const socket = createSocket({ type: 'udp4', reuseAddr: true });
  socket.bind(MDNS_PORT, address);
  await once(socket, 'listening');
  socket.setMulticastInterface(address);
  socket.setMulticastLoopback(false);
  // A full queue of the interface is what a flood looks like from inside.
  socket.on('error', () => {});
  return socket;
}

const sockets: Record<Source, Socket> = {
  neighbour: await openSocket(options.addresses.neighbour),
  'off-link': await openSocket(options.addresses['off-link']),
  victim: await openSocket(options.addresses.victim),
};
const sent = { malformed: 0, hostile: 0 };
const startedMs = performance.now();
const timer = setInterval(() => {
  const due = Math.floor(((performance.now() - startedMs) / 1000) * options.perSecond);
  for (let burst = 0; burst < MAX_BURST && sent.hostile < due; burst += 1) {
    const { target } = options;
    for (const { bytes, source } of [malformedDatagram(random, target), hostileDatagram(random, target)]) {
      sockets[source].send(bytes, MDNS_PORT, MDNS_GROUP_IPV4, () => {});
    }
    sent.malformed += 1;
    sent.hostile += 1;
  }
}, TICK_MS);
process.once('SIGTERM', () => {
  clearInterval(timer);
  for (const socket of Object.values(sockets)) socket.close();
  print({ event: 'sent', ...sent, seconds: (performance.now() - startedMs) / 1000 });
});
print({ event: 'begun' });
