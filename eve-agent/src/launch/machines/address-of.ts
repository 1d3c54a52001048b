// SPDX-License-Identifier: Apache-2.0
/** RFC 826 entries of the kernel: whole, and not only asked for. */
const COMPLETE = 0x2;

/**
 * The address of the neighbour with a hardware address; '' where the host has not heard of it.
 *
 * Pure.
 *
 * @param table as /proc/net/arp
 */
export function addressByMac(table: string, mac: string, device: string): string {
  for (const line of table.split('\n').slice(1)) {
    const [address = '', , flags = '', hardware = '', , name] = line.split(/\s+/);
    const isComplete = (Number(flags) & COMPLETE) !== 0;
    if (isComplete && hardware.toLowerCase() === mac.toLowerCase() && name === device) return address;
  }
  return '';
}
