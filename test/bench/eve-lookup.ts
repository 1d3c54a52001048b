import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { decode, encode } from 'dns-packet';

/**
 * What EVE's downloader does to find a host (EVE contract §1 and §2), for comparison: on every bridge it asks
 * for one service type after another, takes the first SRV target that contains the name, and its A record.
 *
 * Usage: eve-lookup.ts HOST BRIDGE-ADDRESS…
 */
const [host = '', ...bridges] = process.argv.slice(2);
const SERVICE_TYPES = ['_workstation._tcp.local', '_http._tcp.local', '_https._tcp.local'];
const PER_SERVICE_MS = 10_000;
const REPEAT_MS = 4000;
const startedMs = performance.now();

const sockets = await Promise.all(
  bridges.map(async (address) => {
    const socket = createSocket({ type: 'udp4', reuseAddr: true });
    socket.bind(5353, '0.0.0.0');
    await once(socket, 'listening');
    socket.addMembership('224.0.0.251', address);
    socket.setMulticastInterface(address);
    socket.setMulticastTTL(1);
    return socket;
  }),
);

const { promise, resolve } = Promise.withResolvers<string>();
for (const socket of sockets) {
  socket.on('message', (bytes) => {
    const { answers = [], additionals = [], authorities = [] } = decode(bytes);
    const records = [...answers, ...additionals, ...authorities];
    for (const record of records) {
      if (record.type !== 'SRV' || !record.data.target.includes(host)) continue;
      const address = records.find((other) => other.type === 'A' && other.name === record.data.target);
      if (address?.type === 'A') resolve(address.data);
    }
  });
}

let address: string | undefined;
for (const name of SERVICE_TYPES) {
  const query = encode({
    type: 'query',
    id: 1 + Math.floor(Math.random() * 65_535),
    questions: [{ type: 'PTR', name }],
  });
  const ask = () => {
    for (const socket of sockets) socket.send(query, 5353, '224.0.0.251');
  };
  ask();
  ask();
  const repeat = setInterval(ask, REPEAT_MS);
  const timeout = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => timeout.resolve(undefined), PER_SERVICE_MS);
  address = await Promise.race([promise, timeout.promise]);
  clearTimeout(timer);
  clearInterval(repeat);
  if (address !== undefined) break;
}
for (const socket of sockets) socket.close();
process.stdout.write(
  `${JSON.stringify({ address: address ?? null, elapsedMs: performance.now() - startedMs })}\n`,
);
process.exitCode = address === undefined ? 1 : 0;
