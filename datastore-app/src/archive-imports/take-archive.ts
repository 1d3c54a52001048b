// SPDX-License-Identifier: Apache-2.0
import { formatDigest, parseOciDigest } from '@local-datastore/shared/oci/digest';
import { INDEX_FILE, LAYOUT_FILE } from '@local-datastore/shared/oci/image-archive';
import { SAVED_FILE } from '@local-datastore/shared/oci/saved-entries';
import { createForwardReader } from '@local-datastore/shared/tar/forward-reader';
import { StoreError } from '../content/store-error.ts';
import { createMemberList, MAX_MEMBERS } from '../formats/container/archive-members.ts';
import { MAX_JSON_BYTES } from '../formats/read-json.ts';
import { type FileParser, UnreadableContentError } from '../parsing/file-parser.ts';
import { judgeTarEnd, parsedMembers, type TarEnd } from '../parsing/parsed-members.ts';
import { ArchiveError, cutOffArchive, invalidArchive } from './archive-error.ts';
import type { NamedDigest, TakenBlob } from './blob-intake.ts';
import { CHUNK_FILE, MAX_LIST_BYTES, SET_FILE } from './image-set.ts';

/** A file of an archive, whose content is a blob now. */
export interface TakenMember extends TakenBlob {
  /** Where it stood in the archive, before that was compressed. */
  readonly offset: number;
}

/** An archive that has been read to its end. */
export interface TakenArchive {
  /** Those that may be a part of an image, by name; links are followed. */
  readonly members: ReadonlyMap<string, TakenMember>;
  /** By digest. */
  readonly blobs: ReadonlyMap<string, TakenMember>;
  /** What has another digest than its name says: by that digest, why not. */
  readonly damaged: ReadonlyMap<string, string>;
  /** The documents that say what the rest is, as far as they are there. */
  readonly documents: ReadonlyMap<string, Buffer>;
}

export type TakeContent = (
  content: AsyncIterable<Uint8Array>,
  named: NamedDigest | undefined,
) => Promise<TakenBlob>;

const DOCUMENTS: Readonly<Record<string, number>> = {
  [LAYOUT_FILE]: MAX_JSON_BYTES,
  [INDEX_FILE]: MAX_JSON_BYTES,
  [SAVED_FILE]: MAX_JSON_BYTES,
  [CHUNK_FILE]: MAX_JSON_BYTES,
  [SET_FILE]: MAX_LIST_BYTES,
};
/** Writers fill the last record of a tape; nobody's tapes are larger. */
const MAX_TRAILING_BYTES = 64 * 1024 * 1024;

const BLOB = /^blobs\/(sha256|sha512)\/([0-9a-f]+)$/;
/**
 * What `docker save` of all times, skopeo, podman, kaniko and others call layers and configs: in the archive itself, or
 * in a folder of their own.
 */
const SAVED = /^(?:[^/]+\/)?(?:[^/]+\.tar(?:\.gz)?|[0-9a-f]{64}(?:\.json)?|sha256:[0-9a-f]{64}|layer)$/;
/** A piece of a blob that is larger than a chunk of a set. */
const PART = /^datastore-parts\/[0-9a-f]{64,128}-\d{1,5}$/;
/** A layer or a config by its digest. */
const NAMED_BY_DIGEST = /^(?:sha256:)?([0-9a-f]{64})(?:\.tar|\.json)?$/;

function digestByName(name: string): NamedDigest | undefined {
  const [, algorithm, hex] = BLOB.exec(name) ?? [];
  const [, saved] = NAMED_BY_DIGEST.exec(name) ?? [];
  const digest = parseOciDigest(algorithm === undefined ? `sha256:${saved}` : `${algorithm}:${hex}`);
  return digest && { digest, isCertain: algorithm !== undefined };
}

async function collect(content: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of content) pieces.push(Uint8Array.from(piece));
  return Buffer.concat(pieces);
}

/** Why an archive does not end so; undefined: it may, also one that holds nothing, of which others say what it lacks. */
function whyNoEnd(end: TarEnd): ArchiveError | undefined {
  switch (end) {
    case 'end':
    case 'nothing':
      return undefined;
    case 'too-many':
      return new ArchiveError('ARCHIVE_TOO_LARGE', `It has more than ${MAX_MEMBERS} members.`);
    case 'cut-off':
      return invalidArchive('It ends within a header: only a part of it came.');
    case 'no-header':
      return invalidArchive('It is no tar archive, or it is damaged: a header cannot be read.');
  }
}

/**
 * Reads a tar archive once, from its beginning to its end, and stores what may be a part of an image as it comes.
 *
 * @param take stores content as a blob
 * @throws ArchiveError; ParserUnavailableError; whatever `take` and `content` throw
 */
export async function takeArchive(
  take: TakeContent,
  content: AsyncIterable<Uint8Array>,
  parser: FileParser,
): Promise<TakenArchive> {
  const reader = createForwardReader(content, cutOffArchive);
  const list = createMemberList<TakenMember>();
  const documents = new Map<string, Buffer>();
  const blobs = new Map<string, TakenMember>();
  const damaged = new Map<string, string>();
  /** One that is damaged spoils the images that need it, and no other. */
  async function takeOrNote(bytes: AsyncIterable<Uint8Array>, named: NamedDigest | undefined) {
    try {
      return await take(bytes, named);
    } catch (error) {
      if (!(error instanceof StoreError) || error.code !== 'DIGEST_MISMATCH' || !named) throw error;
      damaged.set(formatDigest(named.digest), error.message);
      return undefined;
    }
  }
  let count = 0;
  try {
    const members = parsedMembers(parser, reader.peekAt, Number.POSITIVE_INFINITY, MAX_MEMBERS);
    for (;;) {
      const next = await members.next();
      if (next.done) {
        const why = whyNoEnd(await judgeTarEnd(reader.readAt, next.value.end, count, MAX_MEMBERS));
        if (why !== undefined) throw why;
        break;
      }
      const member = next.value;
      count += 1;
      const { name, offset, sizeBytes, isFile } = member;
      const bytes = reader.content(offset, sizeBytes);
      const maxBytes = Object.hasOwn(DOCUMENTS, name) ? DOCUMENTS[name] : undefined;
      if (isFile && maxBytes !== undefined) {
        if (sizeBytes > maxBytes) throw new ArchiveError('ARCHIVE_TOO_LARGE', `Its ${name} is too large.`);
        documents.set(name, await collect(bytes));
      } else if (isFile && [BLOB, SAVED, PART].some((pattern) => pattern.test(name))) {
        const named = digestByName(name);
        const blob = await takeOrNote(bytes, named);
        list.add(member, blob && { ...blob, offset });
        if (blob !== undefined) blobs.set(formatDigest(blob.digest), { ...blob, offset });
      } else {
        for await (const _piece of bytes);
        list.add(member, undefined);
      }
    }
    if ((await reader.drain(MAX_TRAILING_BYTES)) === undefined) {
      throw invalidArchive('Much more comes behind the end of the tar.');
    }
  } catch (error) {
    if (!(error instanceof UnreadableContentError)) throw error;
    throw invalidArchive(`It cannot be read: ${error.message}.`, error);
  } finally {
    await reader.close();
  }
  return { members: list.files(), blobs, documents, damaged };
}
