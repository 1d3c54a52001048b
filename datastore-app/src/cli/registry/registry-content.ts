// SPDX-License-Identifier: Apache-2.0
import { ConfigurationError } from '@local-datastore/shared/errors';
import { formatDigest, type OciDigest, parseOciDigest } from '@local-datastore/shared/oci/digest';
import type { LayoutEntry } from '@local-datastore/shared/oci/layout-entries';
import * as z from 'zod';
import type { LayoutContent } from '../../archive-imports/layout-images.ts';
import { subjectOfTag } from '../../archive-imports/layout-images.ts';
import { AnswerError } from '../exit-code.ts';
import type { DatastoreClient, NamedImage } from './datastore-client.ts';

/** A repository of the datastore that runs, as its clients read it. */
export interface RepositoryContent extends LayoutContent {
  /** What a tag or a digest leads to. @throws ConfigurationError where there is none */
  find(image: NamedImage): Promise<LayoutEntry>;
  /** The tags that are made of digests, as clients without referrers make them. */
  digestTags(): Promise<readonly LayoutEntry[]>;
  /** A blob, or a piece of it. */
  readBlob(digest: OciDigest, offset: number, sizeBytes: number): AsyncGenerator<Uint8Array>;
}

const REFERRERS = z.object({ manifests: z.array(z.object({ digest: z.string() })) });
const TAGS = z.object({ tags: z.array(z.string()) });
const PAGE = 1000;

export function createRepositoryContent(
  { ask, read }: Pick<DatastoreClient, 'ask' | 'read'>,
  repository: string,
): RepositoryContent {
  const at = (path: string) => `/v2/${repository}/${path}`;

  async function describe(reference: string, name: string | undefined): Promise<LayoutEntry | undefined> {
    const answer = await ask('GET', at(`manifests/${reference}`)).catch((error: unknown) => {
      if (error instanceof ConfigurationError) return undefined;
      throw error;
    });
    if (answer === undefined) return undefined;
    const bytes = await answer.arrayBuffer();
    const digest = parseOciDigest(answer.headers.get('docker-content-digest') ?? '');
    const mediaType = answer.headers.get('content-type');
    if (digest === undefined || mediaType === null) {
      throw new AnswerError(
        'DATASTORE_FAILED',
        `the datastore does not say what ${repository}:${reference} is`,
      );
    }
    return { descriptor: { mediaType, digest, sizeBytes: bytes.byteLength }, name };
  }

  return {
    async find({ reference, isTag }) {
      const found = await describe(reference, isTag ? `${repository}:${reference}` : undefined);
      if (found !== undefined) return found;
      throw new ConfigurationError(`there is no image ${repository}${isTag ? ':' : '@'}${reference}`);
    },

    async digestTags() {
      const found: LayoutEntry[] = [];
      for (let last = '', isMore = true; isMore; ) {
        const query = new URLSearchParams({ n: String(PAGE), ...(last !== '' && { last }) });
        const { tags } = await read('GET', `${at('tags/list')}?${query}`, TAGS);
        for (const tag of tags) {
          const entry =
            subjectOfTag(tag) === undefined ? undefined : await describe(tag, `${repository}:${tag}`);
          if (entry !== undefined) found.push(entry);
        }
        isMore = tags.length === PAGE;
        last = tags.at(-1) ?? '';
      }
      return found;
    },

    async readManifest(digest) {
      const answer = await ask('GET', at(`manifests/${formatDigest(digest)}`)).catch((error: unknown) => {
        // Of an index that was pushed in part.
        if (error instanceof ConfigurationError) return undefined;
        throw error;
      });
      return answer && Buffer.from(await answer.arrayBuffer());
    },

    async referrersOf(digest) {
      const { manifests } = await read('GET', at(`referrers/${formatDigest(digest)}`), REFERRERS);
      return manifests.flatMap((each) => parseOciDigest(each.digest) ?? []);
    },

    async *readBlob(digest, offset, sizeBytes) {
      if (sizeBytes === 0) return;
      const range = `bytes=${offset}-${offset + sizeBytes - 1}`;
      const answer = await ask('GET', at(`blobs/${formatDigest(digest)}`), undefined, { range });
      if (answer.body === null) throw new AnswerError('DATASTORE_FAILED', `${formatDigest(digest)} is empty`);
      yield* answer.body;
    },
  };
}
