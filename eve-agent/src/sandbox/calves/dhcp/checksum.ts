// SPDX-License-Identifier: Apache-2.0
/**
 * The checksum of IPv4 and UDP (RFC 1071): the complement of the ones' complement sum of all 16-bit words. Over
 * bytes that hold their right checksum it is 0.
 *
 * @param parts summed one after another; only the last may have an odd length
 */
export function internetChecksum(...parts: readonly Uint8Array[]): number {
  let sum = 0;
  for (const part of parts) {
    for (let offset = 0; offset < part.length; offset += 2) {
      sum += ((part[offset] as number) << 8) | (part[offset + 1] ?? 0);
    }
  }
  // Packets are far too short for more than two carries.
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000);
  return ~sum & 0xffff;
}
