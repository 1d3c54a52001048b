// SPDX-License-Identifier: Apache-2.0
import { constants } from 'node:fs';
import { copyFile, type FileHandle, open, rename, rm, statfs, truncate } from 'node:fs/promises';
import { dirname } from 'node:path';
import { systemErrorCode } from '@local-datastore/shared/errors';
import { syncDirectory } from '@local-datastore/shared/files/durable-file';
import { HEADER_BYTES, readDiskSize } from './disk-header.ts';
import type { DiskFormat } from './machine-engine-contract.ts';
import { refused } from './refused.ts';

const CHUNK_BYTES = 1024 * 1024;
const MODE = 0o600;
/** Left to others of the file system. */
const SPARE_BYTES = 16 * CHUNK_BYTES;
const BLOCK_BYTES = 512;

/** By which it is seen whether a file is still the one that was verified. */
export interface FileIdentity {
  readonly sizeBytes: number;
  readonly mtimeMs: number;
  readonly inode: number;
}

async function identify(file: FileHandle): Promise<FileIdentity & { readonly allocatedBytes: number }> {
  const { size, mtimeMs, ino, blocks } = await file.stat();
  return { sizeBytes: size, mtimeMs, inode: ino, allocatedBytes: blocks * BLOCK_BYTES };
}

async function readHeader(file: FileHandle): Promise<Buffer> {
  const header = Buffer.alloc(HEADER_BYTES);
  const { bytesRead } = await file.read(header, 0, HEADER_BYTES, 0);
  return header.subarray(0, bytesRead);
}

/** @throws EngineError for what is no disk of the format */
export async function inspectDisk(
  path: string,
  format: DiskFormat,
): Promise<FileIdentity & { readonly diskBytes: number }> {
  const file = await open(path, 'r');
  try {
    const { sizeBytes, mtimeMs, inode } = await identify(file);
    const diskBytes = readDiskSize(format, await readHeader(file), sizeBytes);
    return { sizeBytes, mtimeMs, inode, diskBytes };
  } finally {
    await file.close();
  }
}

/** @throws EngineError 507 */
async function needSpace(folder: string, neededBytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  const freeBytes = bavail * bsize;
  if (neededBytes + SPARE_BYTES <= freeBytes) return;
  throw refused(
    507,
    `the disk of a machine needs ${neededBytes} bytes, and ${freeBytes} are free in ${folder}`,
  );
}

/** Whether more than a little is free, so that what waits for it can go on. */
export async function hasRoom(folder: string): Promise<boolean> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize > SPARE_BYTES;
}

/** Copies so that what is zero takes no room. */
async function copySparsely(
  from: FileHandle,
  to: FileHandle,
  sizeBytes: number,
  signal: AbortSignal,
): Promise<void> {
  const chunk = Buffer.alloc(CHUNK_BYTES);
  const zeros = Buffer.alloc(CHUNK_BYTES);
  for (let at = 0; at < sizeBytes; ) {
    signal.throwIfAborted();
    const { bytesRead } = await from.read(chunk, 0, CHUNK_BYTES, at);
    if (bytesRead === 0) throw refused(409, 'the file of the image was cut short meanwhile');
    if (!chunk.subarray(0, bytesRead).equals(zeros.subarray(0, bytesRead))) {
      await to.write(chunk, 0, bytesRead, at);
    }
    at += bytesRead;
  }
  await to.truncate(sizeBytes);
}

/** Of what fails for want of room what an engine would say. */
const explain = (error: unknown) =>
  systemErrorCode(error) === 'ENOSPC'
    ? refused(507, 'no room is left for the disk of a machine', error)
    : error;

/** Makes a file under a temporary name, which it gets only when it is whole and on the disk. */
async function makeDurably(path: string, fill: (temporary: string) => Promise<void>): Promise<void> {
  const temporary = `${path}.new`;
  await rm(temporary, { force: true });
  try {
    await fill(temporary);
    const file = await open(temporary, 'r+');
    try {
      await file.chmod(MODE);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw explain(error);
  }
  await syncDirectory(dirname(path));
}

/**
 * Makes the disk of a machine of a verified file: by sharing its blocks where the file system can, else by a copy.
 *
 * @param expected of when the file was verified
 * @throws EngineError 404, 409 for a file that is gone or another, 422 for one that is no such disk, 507
 */
export async function copyDisk(
  source: { readonly path: string; readonly format: DiskFormat; readonly expected: FileIdentity },
  path: string,
  signal: AbortSignal,
): Promise<void> {
  const { format, expected } = source;
  const from = await open(source.path, 'r').catch((error: unknown) => {
    throw refused(404, 'the file of the image is gone: it is fetched again when its content tree is', error);
  });
  try {
    const found = await identify(from);
    const keys = ['sizeBytes', 'mtimeMs', 'inode'] as const;
    if (keys.some((key) => found[key] !== expected[key])) {
      throw refused(409, 'the file of the image is not the one that was verified');
    }
    await makeDurably(path, async (temporary) => {
      try {
        await copyFile(source.path, temporary, constants.COPYFILE_FICLONE_FORCE | constants.COPYFILE_EXCL);
      } catch {
        await rm(temporary, { force: true });
        await needSpace(dirname(path), Math.min(found.allocatedBytes, found.sizeBytes));
        const to = await open(temporary, 'wx', MODE);
        try {
          await copySparsely(from, to, found.sizeBytes, signal);
        } finally {
          await to.close();
        }
      }
      // Of what the machine will read: nobody can have changed it since.
      await inspectDisk(temporary, format);
    });
  } finally {
    await from.close();
  }
}

/** Makes a disk of nothing but zeros, which takes room as it is written. */
export async function makeBlankDisk(path: string, sizeBytes: number): Promise<void> {
  await needSpace(dirname(path), 0);
  await makeDurably(path, async (temporary) => {
    await (await open(temporary, 'wx', MODE)).close();
    await truncate(temporary, sizeBytes);
  });
}

/** A small file of the host's, such as the variables of a firmware. */
export const copySmallFile = (from: string, path: string): Promise<void> =>
  makeDurably(path, (temporary) => copyFile(from, temporary, constants.COPYFILE_EXCL));
