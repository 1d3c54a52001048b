// SPDX-License-Identifier: Apache-2.0
import { hash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { systemErrorCode } from '@local-datastore/shared/errors';
import { writeDurably } from '@local-datastore/shared/files/durable-file';
import { jsonText } from '@local-datastore/shared/text/json-text';
import { createTurns } from '@local-datastore/shared/turns';
import * as z from 'zod';
import type { Images, ImageView } from '../engine/container-engine.ts';
import { inspectDisk } from './disks.ts';
import { type AddedImage, DISK_FORMATS, type MachineImage } from './machine-engine-contract.ts';
import { refused } from './refused.ts';

const imageSchema = z.object({
  id: z.string(),
  tags: z.array(z.string()),
  path: z.string(),
  format: z.enum(DISK_FORMATS),
  sizeBytes: z.number(),
  mtimeMs: z.number(),
  inode: z.number(),
  /** What a machine sees of it. */
  diskBytes: z.number(),
});
export type KnownImage = z.output<typeof imageSchema>;
const listSchema = z.object({ images: z.array(imageSchema) });

const SHA256 = /^[0-9a-f]{64}$/;
/** `REPOSITORY:TAG` as engines of containers have it. */
const TAG = /^[a-z0-9][a-z0-9._/-]{0,254}:\w[\w.-]{0,127}$/;

/** The files that machines can be made of, kept in one list. */
export interface MachineImages extends Images {
  add(image: MachineImage): Promise<AddedImage>;
  /** By its id or a tag. */
  find(image: string): KnownImage | undefined;
}

/** @param isUsed whether a machine is made of the image of an id */
export async function openMachineImages(
  file: string,
  isUsed: (imageId: string) => boolean,
): Promise<MachineImages> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    if (systemErrorCode(error) === 'ENOENT') return null;
    throw error;
  });
  let images: readonly KnownImage[] = text === null ? [] : listSchema.parse(JSON.parse(text)).images;
  const turns = createTurns();

  /** One after another, and on the disk before it is acknowledged. */
  function change(next: (images: readonly KnownImage[]) => readonly KnownImage[]): Promise<void> {
    return turns.take(async () => {
      const wanted = next(images);
      await writeDurably(file, jsonText({ images: wanted }), { mode: 0o600 });
      images = wanted;
    });
  }

  const find = (image: string) => images.find(({ id, tags }) => id === image || tags.includes(image));
  const view = ({ id, tags }: KnownImage): ImageView => ({ id, tags });
  const withoutTag = (tag: string) => (image: KnownImage) => ({
    ...image,
    tags: image.tags.filter((each) => each !== tag),
  });
  /** One without a tag stays for as long as a machine is made of it. */
  const isKept = ({ id, tags }: KnownImage) => tags.length > 0 || isUsed(id);

  return {
    find,
    async add({ tag, path, format, sha256 }) {
      if (!SHA256.test(sha256)) throw refused(422, 'an image needs its SHA-256');
      if (!TAG.test(tag)) throw refused(422, `"${tag}" is no tag of an image`);
      const facts = await inspectDisk(path, format);
      // Of one file there may be two: bytes that are read as QCOW2, and the same as they lie.
      const id = `sha256:${hash('sha256', `${format} ${sha256}`)}`;
      await change((all) => {
        const others = all.map(withoutTag(tag)).filter((image) => image.id !== id);
        const tags = all.find((image) => image.id === id)?.tags.filter((each) => each !== tag) ?? [];
        return [...others.filter(isKept), { id, tags: [...tags, tag], path, format, ...facts }];
      });
      return { id, tag, configDigest: `sha256:${sha256}` };
    },
    async listImages(repository) {
      return images.filter(({ tags }) => tags.some((tag) => tag.startsWith(`${repository}:`))).map(view);
    },
    async inspectImage(image) {
      const found = find(image);
      return found === undefined ? null : view(found);
    },
    async tagImage(image, repository, tag) {
      const found = find(image);
      if (found === undefined) throw refused(404, `No such image: ${image}`);
      const name = `${repository}:${tag}`;
      if (!TAG.test(name)) throw refused(422, `"${name}" is no tag of an image`);
      await change((all) =>
        all
          .map(withoutTag(name))
          .map((each) => (each.id === found.id ? { ...each, tags: [...each.tags, name] } : each))
          .filter(isKept),
      );
    },
    async untagImage(tag) {
      const found = images.find(({ tags }) => tags.includes(tag));
      if (found === undefined) return;
      if (found.tags.length === 1 && isUsed(found.id)) {
        throw refused(409, `conflict: a machine is made of the image ${tag}`);
      }
      await change((all) => all.map(withoutTag(tag)).filter(isKept));
    },
  };
}
