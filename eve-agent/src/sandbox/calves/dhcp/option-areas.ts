// SPDX-License-Identifier: Apache-2.0
import { MalformedPacketError, requireForm } from './malformed-packet.ts';
import { OPTION } from './option-codes.ts';

/** Options by their codes, each with its whole value. */
export type Options = ReadonlyMap<number, Buffer>;

/** What one option can hold (RFC 2132 §2); longer values are split (RFC 3396 §7). */
const MAX_OPTION_BYTES = 255;

/** The fields of a message that hold options; `file` and `sname` do so where option 52 says it. */
export interface OptionAreas {
  readonly options: Buffer;
  readonly file: Buffer;
  readonly sname: Buffer;
}

/** @returns pieces in their order, those of one code not yet together */
function readArea(area: Buffer): [number, Buffer][] {
  const pieces: [number, Buffer][] = [];
  for (let offset = 0; offset < area.length; ) {
    const code = area[offset] as number;
    offset += 1;
    if (code === OPTION.pad) continue;
    if (code === OPTION.end) return pieces;
    const length = area[offset];
    requireForm(length !== undefined, `option ${code} without a length`);
    const end = offset + 1 + length;
    requireForm(end <= area.length, `option ${code} reaches beyond the end`);
    pieces.push([code, area.subarray(offset + 1, end)]);
    offset = end;
  }
  // RFC 2131 §4.1 wants an end option; servers are known that leave it out where the packet ends anyway.
  return pieces;
}

/** RFC 2132 §9.3: which of the two fields hold options, too. */
function overloadOf(pieces: readonly [number, Buffer][]): number {
  const values = pieces.filter(([code]) => code === OPTION.overload).map(([, value]) => value);
  const [value] = values;
  if (value === undefined) return 0;
  const [bits = 0] = value;
  requireForm(values.length === 1 && value.length === 1, 'more than one overload');
  if (bits < 1 || bits > 3) throw new MalformedPacketError(`overload ${bits} is none`);
  return bits;
}

/**
 * Reads all options of a message. Those that come in several pieces are put together, in the order options, file,
 * sname (RFC 3396 §5). An overload that stands in a field which is itself overloaded leads nowhere: only that of the
 * options counts.
 *
 * @throws MalformedPacketError when one reaches beyond the end of its field
 */
export function decodeOptions({ options, file, sname }: OptionAreas): Options {
  const first = readArea(options);
  const overload = overloadOf(first);
  const pieces = [
    ...first,
    ...((overload & 1) !== 0 ? readArea(file) : []),
    ...((overload & 2) !== 0 ? readArea(sname) : []),
  ];
  const byCode = new Map<number, Buffer[]>();
  for (const [code, value] of pieces) {
    if (code === OPTION.overload) continue;
    const known = byCode.get(code);
    if (known === undefined) byCode.set(code, [value]);
    else known.push(value);
  }
  return new Map([...byCode].map(([code, values]) => [code, Buffer.concat(values)]));
}

/** Options in their order with the end behind them; values that are too long for one are split (RFC 3396 §7). */
export function encodeOptions(options: Options): Buffer {
  const pieces = [...options].flatMap(([code, value]) => {
    const parts: Buffer[] = [];
    for (let offset = 0; offset === 0 || offset < value.length; offset += MAX_OPTION_BYTES) {
      const part = value.subarray(offset, offset + MAX_OPTION_BYTES);
      parts.push(Buffer.from([code, part.length]), part);
    }
    return parts;
  });
  return Buffer.concat([...pieces, Buffer.from([OPTION.end])]);
}
