import type { ReadAt } from './read-at.ts';

export const VHDX_SIGNATURE = 'vhdxfile';

/** [MS-VHDX] §2.2.3: the region tables. */
const REGION_TABLE_OFFSETS = [0x30000, 0x40000];
const REGION_TABLE_SIGNATURE = 'regi';
const METADATA_SIGNATURE = 'metadata';
const MAX_ENTRIES = 2047;
const ENTRY_BYTES = 32;

/** GUIDs as they stand in the file, the first three groups little endian. */
const METADATA_REGION = guidBytes('8b7ca206-4790-4b9a-b8fe-575f050f886e');
const VIRTUAL_DISK_SIZE = guidBytes('2fa54224-cd1b-4876-b211-5dbed83bf4b8');

function guidBytes(guid: string): Buffer {
  const [first = '', second = '', third = '', ...rest] = guid.split('-');
  const reversed = [first, second, third].map((group) => Buffer.from(group, 'hex').reverse());
  return Buffer.concat([...reversed, Buffer.from(rest.join(''), 'hex')]);
}

function findEntry(table: Buffer, start: number, count: number, guid: Buffer): Buffer | undefined {
  for (let i = 0; i < Math.min(count, MAX_ENTRIES); i += 1) {
    const entry = table.subarray(start + i * ENTRY_BYTES, start + (i + 1) * ENTRY_BYTES);
    if (entry.length < ENTRY_BYTES) return undefined;
    if (entry.subarray(0, 16).equals(guid)) return entry;
  }
  return undefined;
}

/** The virtual disk size of a VHDX ([MS-VHDX] §2.6.2.4), or null when its tables do not lead there. */
export async function parseVhdxVirtualSize(readAt: ReadAt): Promise<number | null> {
  for (const offset of REGION_TABLE_OFFSETS) {
    const table = await readAt(offset, 0x10000);
    if (table.length < 16 || table.toString('latin1', 0, 4) !== REGION_TABLE_SIGNATURE) continue;
    const region = findEntry(table, 16, table.readUInt32LE(8), METADATA_REGION);
    if (region === undefined) continue;
    const metadataOffset = toOffset(region.readBigUInt64LE(16));
    if (metadataOffset === undefined) continue;
    const metadata = await readAt(metadataOffset, 0x10000);
    if (metadata.length < 32 || metadata.toString('latin1', 0, 8) !== METADATA_SIGNATURE) continue;
    const item = findEntry(metadata, 32, metadata.readUInt16LE(10), VIRTUAL_DISK_SIZE);
    if (item === undefined) continue;
    const value = await readAt(metadataOffset + item.readUInt32LE(16), 8);
    if (value.length === 8) return toOffset(value.readBigUInt64LE(0)) ?? null;
  }
  return null;
}

/** A position or size within what a file can have here, or undefined. */
function toOffset(value: bigint): number | undefined {
  return value < BigInt(Number.MAX_SAFE_INTEGER) / 2n ? Number(value) : undefined;
}
