// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { parseOciDigest } from '@local-datastore/shared/oci/digest';
import * as z from 'zod';

/**
 * Several images on their way over a gap, as tars that fit on what they are carried on. Each is a tar of blobs of its
 * own; the first holds the manifests, the `index.json` that names the images, and the list of all that belongs to the
 * set. A blob that is larger than a chunk comes as several blobs, which are joined when the images are named.
 */

/** In every chunk, as its first file: to which set it belongs. */
export const CHUNK_FILE = 'datastore-chunk.json';
/** In the first chunk: what the whole set is made of. */
export const SET_FILE = 'datastore-set.json';

/** As many as an archive has members. */
export const MAX_SET_BLOBS = 15_000;
export const MAX_LIST_BYTES = 8 * 1024 * 1024;

const digest = z.string().refine((text) => parseOciDigest(text) !== undefined, 'no digest');
const size = z.number().int().nonnegative();
const chunkNumber = z.number().int().positive().max(10_000);

const chunkSchema = z.object({
  version: z.literal(1),
  /** Of the set: 32 hexadecimal digits. */
  set: z.string().regex(/^[0-9a-f]{32}$/),
  chunk: chunkNumber,
  /** How many there are. */
  of: chunkNumber,
});
export type ChunkMark = z.infer<typeof chunkSchema>;

const partSchema = z.object({ chunk: chunkNumber, digest, sizeBytes: size });
const setSchema = z.object({
  version: z.literal(1),
  set: chunkSchema.shape.set,
  of: chunkNumber,
  /** How the images are called where they come from. */
  images: z
    .array(
      z.object({
        name: z.string().max(600),
        digest,
        /** What it is made of: places in `blobs`, `split` and `expected`, one behind the other. */
        needs: z.array(size).max(MAX_SET_BLOBS),
      }),
    )
    .max(1000),
  /** How many bytes each chunk has. */
  chunkBytes: z.array(size).max(10_000),
  /** What comes along, and in which chunk. */
  blobs: z.array(partSchema).max(MAX_SET_BLOBS),
  /** What comes in several pieces, in their order. */
  split: z
    .array(z.object({ digest, sizeBytes: size, parts: z.array(partSchema).min(1).max(10_000) }))
    .max(1000),
  /** What is to be there already. */
  expected: z.array(z.object({ digest, sizeBytes: size })).max(100_000),
});
export type ImageSet = z.infer<typeof setSchema>;
export type SetPart = z.infer<typeof partSchema>;

function parseDocument<T>(schema: z.ZodType<T>, bytes: Uint8Array): T | undefined {
  try {
    return schema.safeParse(JSON.parse(new TextDecoder().decode(bytes))).data;
  } catch {
    return undefined;
  }
}

/** @returns undefined for what is no mark of a chunk */
export const parseChunkMark = (bytes: Uint8Array): ChunkMark | undefined => parseDocument(chunkSchema, bytes);

/** @returns undefined for what is no list of a set */
export const parseImageSet = (bytes: Uint8Array): ImageSet | undefined => parseDocument(setSchema, bytes);

/** The same for the same content. */
export const setIdOf = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 32);
