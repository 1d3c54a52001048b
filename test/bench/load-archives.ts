// SPDX-License-Identifier: Apache-2.0
/** Archives of images for the bench of loading: one layer each, of what is easy to compress and of what is not. */
import { randomBytes } from 'node:crypto';
import { lstat, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunningEngine } from '../lab/docker-engine.ts';
import { createImageLayout } from '../lab/image-layouts.ts';
import { run } from './measure.ts';

/** What every machine has much of, as images have it: programs, libraries, texts. */
const REAL_FOLDER = '/usr';
const REAL_IMAGE = 'bench-real:1';

/** A kind of content that a layer is made of. */
export interface LayerKind {
  readonly name: string;
  /** Of what cannot be made smaller, gzip only stores it: the quickest level is all that it needs. */
  readonly gzipLevel: number;
  /** Writes an archive of an image with one layer of about so many bytes. */
  save(archive: string, sizeBytes: number, engine: RunningEngine): Promise<void>;
}

/** Files in the order of their paths, as many as have room. @returns absolute paths */
async function listFiles(folder: string, maxBytes: number): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const chosen: string[] = [];
  let left = maxBytes;
  for (const path of paths.sort()) {
    const { size } = await lstat(path);
    if (size > left) continue;
    left -= size;
    chosen.push(path);
  }
  return chosen;
}

const random: LayerKind = {
  name: 'random bytes',
  gzipLevel: 1,
  async save(archive, sizeBytes) {
    const made = await createImageLayout(`${archive}.made`);
    await made.addImage({ layers: [randomBytes(sizeBytes)] }, '1');
    await run(`skopeo --insecure-policy copy -q oci:${made.folder}:1 docker-archive:${archive}`);
    await rm(made.folder, { recursive: true });
  },
};

const real: LayerKind = {
  name: `files of ${REAL_FOLDER}`,
  gzipLevel: 6,
  async save(archive, sizeBytes, engine) {
    const list = `${archive}.list`;
    const files = await listFiles(REAL_FOLDER, sizeBytes);
    await writeFile(list, files.map((path) => `${path.slice(1)}\0`).join(''));
    const docker = `docker --host unix://${engine.socket}`;
    await run(`tar -C / --null --files-from ${list} -cf - | ${docker} import - ${REAL_IMAGE}`);
    await run(`${docker} save --output ${archive} ${REAL_IMAGE}`);
    await engine.docker('rmi', '--force', REAL_IMAGE);
    await rm(list);
  },
};

export const LAYER_KINDS: readonly LayerKind[] = [random, real];
