// SPDX-License-Identifier: Apache-2.0
/**
 * What EVE's downloader does to find a host, for comparison: the doctor's replay of it.
 *
 * Usage: eve-lookup.ts HOST BRIDGE-ADDRESS…
 */
import { systemClock } from '@local-datastore/shared/system-clock';
import { createEveLookup } from '../../eve-agent/src/doctor/as-eve/lookup.ts';
import { openBridgeSockets } from '../../eve-agent/src/network/bridge-sockets.ts';

const [host = '', ...addresses] = process.argv.slice(2);
const bridges = addresses.map((address) => ({ name: address, address, cidr: `${address}/24` }));
const lookUp = createEveLookup({ openSockets: openBridgeSockets, clock: systemClock, random: Math.random });
const { addresses: found, elapsedMs } = await lookUp(host, bridges, new AbortController().signal);
process.stdout.write(`${JSON.stringify({ address: found[0] ?? null, elapsedMs })}\n`);
process.exitCode = found.length === 0 ? 1 : 0;
