// SPDX-License-Identifier: Apache-2.0
import type { Namespace } from './namespace.ts';

/** A connected socket: what another place answers than the one that was asked is not heard. */
const ASK = `exec 3<>"/dev/udp/$1/$2" && printf %s "$3" >&3 && timeout 5 dd bs=2048 count=1 status=none <&3`;

/** Sends a datagram from a host. @returns what was answered; empty: nothing within some seconds */
export async function askByDatagram(
  place: Namespace,
  address: string,
  port: number,
  said: string,
): Promise<string> {
  return (await place.run(['bash', '-c', ASK, 'bash', address, String(port), said])).stdout;
}
