// SPDX-License-Identifier: Apache-2.0
/**
 * Holds UDP port 5353 as a program that does not share it: `port-holder.ts HOW [ADDRESS]`, with HOW `exclusive`,
 * or `reuseport` for SO_REUSEPORT alone. Prints a JSON line when it does; ends with its standard input.
 */
import { createSocket } from 'node:dgram';
import { MDNS_PORT } from '@local-datastore/shared/dns-sd/service-types';

const [how, address = '0.0.0.0'] = process.argv.slice(2);
const socket = createSocket({ type: 'udp4', reusePort: how === 'reuseport' });
socket.bind({ port: MDNS_PORT, address, exclusive: true }, () => {
  process.stdout.write('{"event":"held"}\n');
});
process.stdin.once('end', () => socket.close()).resume();
