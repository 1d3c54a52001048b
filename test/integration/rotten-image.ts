// SPDX-License-Identifier: Apache-2.0
import { open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MODIFIED } from '../lab/loopback-datastore.ts';

/** The folders of a datastore. */
export interface Folders {
  readonly root: string;
  readonly state: string;
}

/** Changes the index of images while no datastore runs. */
export async function editIndex(
  { state }: Pick<Folders, 'state'>,
  change: (images: Record<string, Record<string, unknown>>) => void,
): Promise<void> {
  const file = join(state, 'image-index.json');
  const index = JSON.parse(await readFile(file, 'utf8'));
  change(index.images);
  await writeFile(file, JSON.stringify(index));
}

/**
 * Damages an image as a failing disk does it while no datastore runs: other bytes, the same times. Nobody can put
 * a change time back: the index is told the new one.
 */
export async function rot(folders: Folders, name: string, content: string, position: number): Promise<void> {
  const handle = await open(join(folders.root, name), 'r+');
  await handle.write(content, position);
  await handle.sync();
  await handle.utimes(MODIFIED, MODIFIED);
  const { ctimeNs } = await handle.stat({ bigint: true });
  await handle.close();
  await editIndex(folders, (images) => Object.assign(images[name] ?? {}, { ctimeNs: String(ctimeNs) }));
}
