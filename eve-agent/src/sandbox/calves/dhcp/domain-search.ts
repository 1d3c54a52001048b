// SPDX-License-Identifier: Apache-2.0
import { isDomainName } from '../../keys/domain-name.ts';
import { MalformedPacketError, requireForm } from './malformed-packet.ts';

/** RFC 1035 §4.1.4: the two upper bits of a length that is a pointer. */
const POINTER = 0xc0;
/** RFC 1035 §2.3.4: of a name with its length octets. */
const MAX_NAME_BYTES = 255;
/** More than any resolver looks through. */
const MAX_NAMES = 32;

/** Reads the name that begins at an offset. @returns it, and where the next one begins */
function readName(bytes: Buffer, start: number): { readonly name: string; readonly next: number } {
  const labels: string[] = [];
  let nameBytes = 1;
  let next: number | undefined;
  // A pointer leads before the place where its own name, or the piece of it that is being read, began: none can
  // lead in a circle.
  let pieceStart = start;
  for (let offset = start; ; ) {
    const length = bytes[offset];
    requireForm(length !== undefined, 'a domain that does not end');
    if (length === 0) return { name: labels.join('.'), next: next ?? offset + 1 };
    if (length >= POINTER) {
      const low = bytes[offset + 1];
      requireForm(low !== undefined, 'half a pointer');
      next ??= offset + 2;
      offset = ((length & ~POINTER) << 8) | low;
      requireForm(offset < pieceStart, 'a pointer that leads forward');
      pieceStart = offset;
      continue;
    }
    if (length > 63) throw new MalformedPacketError('a label of an unknown kind');
    nameBytes += 1 + length;
    requireForm(nameBytes <= MAX_NAME_BYTES, 'a domain that is too long');
    requireForm(offset + 1 + length <= bytes.length, 'a label beyond the end');
    labels.push(bytes.toString('latin1', offset + 1, offset + 1 + length));
    offset += 1 + length;
  }
}

/**
 * The value of option 119 (RFC 3397), put together from its pieces: domains to look names up in. Those that no file
 * could hold are left out, and so is one that stands twice.
 *
 * @returns at most 32
 * @throws MalformedPacketError for labels or pointers that lead beyond the value or in circles
 */
export function decodeDomainSearch(value: Buffer): string[] {
  const names = new Set<string>();
  for (let offset = 0; offset < value.length && names.size < MAX_NAMES; ) {
    const { name, next } = readName(value, offset);
    if (isDomainName(name)) names.add(name);
    offset = next;
  }
  return [...names];
}
