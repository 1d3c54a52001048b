// SPDX-License-Identifier: Apache-2.0
import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os';

/** So many go into one certificate; more make the handshake longer than clients take. */
const MAX_ADDRESSES = 500;

/**
 * The addresses under which this machine can be reached: of all interfaces that are up, IPv4 before IPv6, each
 * once, in an order that changes with the addresses alone.
 *
 * @param interfaces as `os.networkInterfaces` returns them
 */
export function listOwnAddresses(
  interfaces: NodeJS.Dict<readonly NetworkInterfaceInfo[]> = networkInterfaces(),
): string[] {
  const all = Object.values(interfaces).flatMap((addresses = []) => addresses);
  const ofFamily = (wanted: string) =>
    [...new Set(all.filter(({ family }) => family === wanted).map(({ address }) => address))].sort();
  return [...ofFamily('IPv4'), ...ofFamily('IPv6')].slice(0, MAX_ADDRESSES);
}
