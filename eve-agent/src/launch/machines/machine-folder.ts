// SPDX-License-Identifier: Apache-2.0
import { constants } from 'node:fs';
import { chmod, chown, mkdir, open, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemErrorCode } from '@local-datastore/shared/errors';
import { syncDirectory, writeDurably } from '@local-datastore/shared/files/durable-file';
import { removeFile } from '@local-datastore/shared/files/remove-file';
import { jsonText } from '@local-datastore/shared/text/json-text';
import type { MachineSeed } from '../engine/container-spec.ts';
import { copyDisk, copySmallFile, inspectDisk, makeBlankDisk } from './disks.ts';
import { DISK_FORMATS, type DiskFormat } from './machine-engine-contract.ts';
import type { KnownImage } from './machine-images.ts';
import { type MachineRecord, type MachineVolumeFacts, machineRecordSchema } from './machine-record.ts';
import { refused } from './refused.ts';

/** A disk that is there. */
export interface StoredDisk {
  readonly path: string;
  readonly format: DiskFormat;
  readonly isReadOnly: boolean;
  /** It is grown to it; 0: it stays as it is. */
  readonly wantedBytes: number;
}

const OWN = 0o700;
const OF_GROUP = { folder: 0o750, file: 0o640 } as const;

/** What of a machine lies on the disk: its folder, and in it what only it has. */
export const placesOf = (folder: string, id: string) => {
  const own = join(folder, 'machines', id);
  return {
    folder: own,
    record: join(own, 'machine.json'),
    disk: join(own, 'disk'),
    variables: join(own, 'uefi-variables'),
    seed: join(own, 'seed'),
    sockets: join(own, 'sockets'),
    console: join(own, 'console.log'),
  };
};
export type Places = ReturnType<typeof placesOf>;

/** @returns null where there is none, as of one whose making was cut off */
export async function readRecord(path: string): Promise<MachineRecord | null> {
  try {
    return machineRecordSchema.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return null;
    throw error;
  }
}

/** It may hold secrets, by its seed. */
export const writeRecord = (path: string, record: MachineRecord): Promise<void> =>
  writeDurably(path, jsonText(record), { mode: 0o600 });

const toImageFile = ({ path, format, sizeBytes, mtimeMs, inode }: KnownImage) => ({
  ...{ path, format },
  expected: { sizeBytes, mtimeMs, inode },
});

/**
 * Makes the folder of a machine, but for its record, with which it begins to be there.
 *
 * @param image of which it has a disk of its own; null: its disk is a volume
 */
export async function makeMachineFolder(
  places: Places,
  image: KnownImage | null,
  seed: MachineSeed | null,
  user: number,
  signal: AbortSignal,
): Promise<void> {
  await mkdir(places.folder, { mode: OWN });
  if (image !== null) await copyDisk(toImageFile(image), places.disk, signal);
  if (seed === null) return;
  await mkdir(places.seed, { mode: OWN });
  const files = {
    'user-data': seed.UserData,
    'meta-data': seed.MetaData,
    'network-config': seed.NetworkConfig,
  };
  for (const [name, text] of Object.entries(files)) {
    if (text === undefined) continue;
    const file = join(places.seed, name);
    await writeFile(file, text, { mode: 0o600, flag: 'wx' });
    // Its user may read it, and not change it.
    await chown(file, 0, user);
    await chmod(file, OF_GROUP.file);
  }
  await chown(places.seed, 0, user);
  await chmod(places.seed, OF_GROUP.folder);
}

/** Its record goes first: what is cut off after that is no machine any more. */
export async function removeMachineFolder(places: Places): Promise<void> {
  await removeFile(places.record);
  await syncDirectory(places.folder);
  await rm(places.folder, { recursive: true, force: true });
}

/** An empty folder where its user makes its sockets. */
export async function makeSocketsFolder(places: Places, user: number): Promise<void> {
  await rm(places.sockets, { recursive: true, force: true });
  await mkdir(places.sockets, { mode: OWN });
  await chown(places.sockets, user, user);
}

export async function ensureVariables(places: Places, from: string): Promise<void> {
  const isThere = await stat(places.variables).then(
    () => true,
    () => false,
  );
  if (!isThere) await copySmallFile(from, places.variables);
}

const volumePath = (folder: string, name: string, format: DiskFormat) =>
  join(folder, 'volumes', `${name}.${format}`);

async function findVolume(
  folder: string,
  name: string,
): Promise<{ path: string; format: DiskFormat } | null> {
  for (const format of DISK_FORMATS) {
    const path = volumePath(folder, name, format);
    try {
      await stat(path);
      return { path, format };
    } catch (error) {
      if (systemErrorCode(error) !== 'ENOENT') throw error;
    }
  }
  return null;
}

/** A volume as it is, or made where there is none. @throws EngineError */
export async function ensureVolume(
  folder: string,
  { name, image, sizeBytes, isReadOnly }: MachineVolumeFacts,
  findImage: (image: string) => KnownImage | undefined,
  signal: AbortSignal,
): Promise<StoredDisk> {
  const found = await findVolume(folder, name);
  if (found !== null) return { ...found, isReadOnly, wantedBytes: sizeBytes };
  if (image === null) {
    const path = volumePath(folder, name, 'raw');
    await makeBlankDisk(path, sizeBytes);
    return { path, format: 'raw', isReadOnly, wantedBytes: sizeBytes };
  }
  const known = findImage(image);
  if (known === undefined) throw refused(404, `No such image: ${image}`);
  const path = volumePath(folder, name, known.format);
  await copyDisk(toImageFile(known), path, signal);
  return { path, format: known.format, isReadOnly, wantedBytes: sizeBytes };
}

/** @returns to what a disk is to be grown; null: it is as large */
export async function growthOf({
  path,
  format,
  isReadOnly,
  wantedBytes,
}: StoredDisk): Promise<number | null> {
  if (isReadOnly || format === 'iso' || wantedBytes === 0) return null;
  const { diskBytes } = await inspectDisk(path, format);
  return diskBytes < wantedBytes ? wantedBytes : null;
}

/** The names of the volumes that are there. */
export async function listVolumes(folder: string): Promise<string[]> {
  const files = await readdir(join(folder, 'volumes'));
  return files.flatMap((file) => {
    const format = DISK_FORMATS.find((each) => file.endsWith(`.${each}`));
    return format === undefined ? [] : [file.slice(0, -format.length - 1)];
  });
}

export async function removeVolumeFiles(folder: string, name: string): Promise<void> {
  for (const format of DISK_FORMATS) await rm(volumePath(folder, name, format), { force: true });
  await syncDirectory(join(folder, 'volumes'));
}

/** Opens what the process of a machine gets. @returns the numbers, and `close` for when it has them */
export async function openFiles(
  places: Places,
  disks: readonly StoredDisk[],
  has: { readonly variables: boolean; readonly seed: boolean },
) {
  const handles: Awaited<ReturnType<typeof open>>[] = [];
  const close = async () => void (await Promise.all(handles.map((handle) => handle.close())));
  const take = async (path: string, flags: number) => {
    const handle = await open(path, flags | constants.O_NOFOLLOW);
    handles.push(handle);
    return handle.fd;
  };
  const directory = constants.O_RDONLY | constants.O_DIRECTORY;
  try {
    const opened: { fd: number; format: DiskFormat; isReadOnly: boolean }[] = [];
    for (const { path, format, isReadOnly } of disks) {
      const isFixed = isReadOnly || format === 'iso';
      const fd = await take(path, isFixed ? constants.O_RDONLY : constants.O_RDWR);
      opened.push({ fd, format, isReadOnly: isFixed });
    }
    return {
      disks: opened,
      varsFd: has.variables ? await take(places.variables, constants.O_RDWR) : null,
      seedFd: has.seed ? await take(places.seed, directory) : null,
      socketsFd: await take(places.sockets, directory),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
