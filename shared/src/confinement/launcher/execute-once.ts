// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from 'node:crypto';
import { arch } from 'node:os';
import { systemErrorCode } from '../../errors.ts';
import { MMAP } from '../system/kernel-constants.ts';
import { openLibc } from '../system/libc.ts';

const PAGE_BYTES = 4096;
const POINTER_BYTES = 8;
/** Every process has that much room for addresses: 47 bits on x64, 39 bits on the smallest arm64. */
const ADDRESS_BITS = { x64: 46n, arm64: 38n } as const;
const TRIES = 16;

/** Bytes that an execution needs, and how they are laid out: the path first. */
export interface Image {
  readonly sizeBytes: number;
  /** @param address where the first byte stands */
  write(memory: Uint8Array, address: bigint): { readonly argv: bigint; readonly envp: bigint };
}

/** Path, arguments and environment as execve(2) takes them. @throws RangeError a text with a NUL in it */
export function layOut(path: string, args: readonly string[], environment: readonly string[]): Image {
  const texts = [path, ...args, ...environment].map((text) => {
    if (text.includes('\0')) throw new RangeError('a text for execve has a NUL in it');
    return Buffer.from(`${text}\0`);
  });
  const textBytes = texts.reduce((sum, { length }) => sum + length, 0);
  const tableAt = Math.ceil(textBytes / POINTER_BYTES) * POINTER_BYTES;
  const pointers = args.length + 1 + environment.length + 1;
  return {
    sizeBytes: tableAt + pointers * POINTER_BYTES,
    write(memory, address) {
      const starts: bigint[] = [];
      let at = 0;
      for (const text of texts) {
        memory.set(text, at);
        starts.push(address + BigInt(at));
        at += text.length;
      }
      const table = Buffer.from(memory.buffer, memory.byteOffset + tableAt, pointers * POINTER_BYTES);
      const ofArgs = starts.slice(1, 1 + args.length);
      const all = [...ofArgs, 0n, ...starts.slice(1 + args.length), 0n];
      for (const [index, pointer] of all.entries()) table.writeBigUInt64LE(pointer, index * POINTER_BYTES);
      const argv = address + BigInt(tableAt);
      return { argv, envp: argv + BigInt((args.length + 1) * POINTER_BYTES) };
    },
  };
}

/** A program that is ready to take the place of this one. */
export interface Execution {
  /** Where the path stands: the one address that a filter of system calls lets execve have. */
  readonly pathAddress: bigint;
  /** Returns only by an error. @throws SystemError */
  run(): never;
}

/**
 * Prepares an execution whose path stands at an address that nobody can guess, so that a filter may allow this one and no
 * later one: what is executed has other memory, and the filter is not to be read.
 */
export function prepareExecution(
  path: string,
  args: readonly string[],
  environment: readonly string[],
): Execution {
  const libc = openLibc();
  const image = layOut(path, args, environment);
  const sizeBytes = Math.ceil(image.sizeBytes / PAGE_BYTES) * PAGE_BYTES;
  const bits = ADDRESS_BITS[arch() as keyof typeof ADDRESS_BITS];
  for (let tries = 0; tries < TRIES; tries += 1) {
    const random = randomBytes(POINTER_BYTES).readBigUInt64LE() & ((1n << bits) - 1n);
    const address = random - (random % BigInt(PAGE_BYTES));
    try {
      const flags = MMAP.PRIVATE | MMAP.ANONYMOUS | MMAP.FIXED_NOREPLACE;
      const memory = libc.mapMemory(address, sizeBytes, MMAP.READ | MMAP.WRITE, flags);
      const { argv, envp } = image.write(memory, address);
      return {
        pathAddress: address,
        run() {
          libc.syscall('execve', address, argv, envp);
          throw new Error('execve came back without an error');
        },
      };
    } catch (error) {
      // Something stands there, or it is below the lowest address.
      if (!['EEXIST', 'EPERM', 'ENOMEM'].includes(systemErrorCode(error) ?? '')) throw error;
    }
  }
  throw new Error('there is no room for the arguments of the calf');
}
