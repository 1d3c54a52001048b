// SPDX-License-Identifier: Apache-2.0
/**
 * Many neighbours on one link in one process: `mdns-peers.ts PEERS-JSON`, each with an address of the interface, a
 * script as of `scripted-responder.ts`, and a web server where the peer has one. Prints a line when all are ready.
 */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { MDNS_GROUP_IPV4, MDNS_PORT } from '@local-datastore/shared/dns-sd/service-types';
import { decode, type Question } from 'dns-packet';
import type { MdnsPeerScript } from '../mdns-peers.ts';

const peers: MdnsPeerScript[] = JSON.parse(process.argv[2] ?? '[]');
const RESPONSE_BIT = 0x80;
const FILE = Buffer.alloc(100_000, 'mdns-peers');

const ANY = '0.0.0.0';

async function openSocketAt(address: string, port: number): Promise<Socket> {
  const socket = createSocket({ type: 'udp4', reuseAddr: true });
  socket.bind(port, address);
  await once(socket, 'listening');
  if (address !== ANY) socket.setMulticastInterface(address);
  return socket;
}

/** One socket hears for all; each peer speaks from its own. */
const ears = await openSocketAt(ANY, MDNS_PORT);
ears.addMembership(MDNS_GROUP_IPV4, peers[0]?.address);
const speaking = await Promise.all(
  peers.map(async (peer) => ({
    peer,
    // Bound to the address: an answer by unicast comes from it, too.
    mdns: await openSocketAt(peer.address, MDNS_PORT),
    other: await openSocketAt(peer.address, 0),
  })),
);

/** The peers hear each other, and some of them say what is no DNS. */
function questionsIn(bytes: Buffer): readonly Question[] {
  try {
    return decode(bytes).questions ?? [];
  } catch {
    return [];
  }
}

ears.on('message', (bytes, source) => {
  if (((bytes[2] ?? 0) & RESPONSE_BIT) !== 0) return;
  const questions = questionsIn(bytes);
  for (const { name, type } of questions) {
    for (const { peer, mdns, other } of speaking) {
      for (const rule of peer.rules) {
        if (rule.question !== `${type} ${name}`) continue;
        const isOneShot = source.port !== MDNS_PORT;
        const to = isOneShot || rule.byUnicast === true ? source.address : MDNS_GROUP_IPV4;
        const from = rule.fromOtherPort === true ? other : mdns;
        from.send(Buffer.from(rule.hex, 'hex'), isOneShot ? source.port : MDNS_PORT, to);
      }
    }
  }
});

for (const { address, web } of peers) {
  if (web === null) continue;
  const server = createServer((request, response) => {
    const isFile = request.url === '/image.img' || request.url === '/there';
    if (web !== 'file' && request.url === '/image.img') response.writeHead(302, { Location: web }).end();
    else if (isFile) response.writeHead(200, { 'Content-Length': FILE.length, ETag: '"one"' }).end(FILE);
    else response.writeHead(404).end();
  });
  server.listen(80, address);
  await once(server, 'listening');
}
process.stdout.write(`${JSON.stringify({ event: 'ready' })}\n`);
