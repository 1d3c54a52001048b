// SPDX-License-Identifier: Apache-2.0
/**
 * A neighbour that answers multicast DNS as a script says: `scripted-responder.ts ADDRESS SCRIPT-JSON [IMAGE-JSON]`, with
 * ADDRESS that of the interface, and IMAGE what its web server has. Prints a JSON line when it is ready and for every question it hears.
 */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { MDNS_GROUP_IPV4, MDNS_PORT } from '@local-datastore/shared/dns-sd/service-types';
import { decode, type Packet } from 'dns-packet';
import { makeImage, serveImage } from '../image-server.ts';
import type { ResponderEvent, ResponderRule, ServedImage } from '../scripted-responder.ts';

const [address = '', script = '[]', image] = process.argv.slice(2);
const rules: ResponderRule[] = JSON.parse(script);
const timesAsked = new Map<string, number>();
const print = (event: ResponderEvent) => process.stdout.write(`${JSON.stringify(event)}\n`);

async function openSocket(port: number): Promise<Socket> {
  const socket = createSocket({ type: 'udp4', reuseAddr: true });
  socket.bind(port);
  await once(socket, 'listening');
  socket.addMembership(MDNS_GROUP_IPV4, address);
  socket.setMulticastInterface(address);
  return socket;
}

const socket = await openSocket(MDNS_PORT);
const otherPort = await openSocket(0);

/** Who floods the link is not this program's concern. */
function decodeIfSound(bytes: Buffer): Packet {
  try {
    return decode(bytes);
  } catch {
    return {};
  }
}

/** Who floods the link is heard out as fast as can be, as a program in C would: most are responses. */
const RECEIVE_BUFFER_BYTES = 16 * 1024 * 1024;
const RESPONSE_BIT = 0x80;
socket.setRecvBufferSize(RECEIVE_BUFFER_BYTES);

socket.on('message', (bytes, source) => {
  if (source.address === address || ((bytes[2] ?? 0) & RESPONSE_BIT) !== 0) return;
  const { type, questions = [] } = decodeIfSound(bytes);
  if (type !== 'query') return;
  print({ event: 'asked', source: source.address, sourcePort: source.port, hex: bytes.toString('hex') });
  // RFC 6762 §6.7: who asks from another port is answered there, and counted by itself.
  const asker = source.port === MDNS_PORT ? 'mdns' : 'one-shot';
  for (const { name, type } of questions) {
    const question = `${type} ${name}`;
    const key = `${question} ${asker}`;
    const time = (timesAsked.get(key) ?? 0) + 1;
    timesAsked.set(key, time);
    for (const rule of rules) {
      if (rule.question !== question || (rule.time !== undefined && rule.time !== time)) continue;
      if ((rule.asker ?? asker) !== asker) continue;
      const from = rule.fromOtherPort ? otherPort : socket;
      const to = asker === 'one-shot' || rule.byUnicast ? source.address : MDNS_GROUP_IPV4;
      const port = asker === 'one-shot' ? source.port : MDNS_PORT;
      for (let i = 0; i < (rule.copies ?? 1); i += 1) from.send(Buffer.from(rule.hex, 'hex'), port, to);
    }
  }
});

async function serve({ path, sizeBytes }: ServedImage): Promise<void> {
  const bytes = makeImage(sizeBytes);
  const server = createServer((request, response) => {
    if (request.url === path) serveImage(request, response, bytes);
    else response.writeHead(404).end();
  });
  server.listen(80);
  await once(server, 'listening');
}

if (image !== undefined) await serve(JSON.parse(image));
print({ event: 'ready' });
