// SPDX-License-Identifier: Apache-2.0
import { contentDigest } from '@local-datastore/shared/oci/content-digest';
import type { ManifestDocument } from '@local-datastore/shared/oci/image-archive';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { UpstreamClient } from './upstream-client.ts';
import { UpstreamError } from './upstream-error.ts';
import type { ByteStream } from './upstream-requests.ts';

const REPOSITORY = 'lab/app';
const LAYER = Buffer.alloc(100_000, 'layer');

/** A client under test, with the registry from which it reads. */
export interface UpstreamUnderTest {
  readonly client: UpstreamClient;
  /** Puts an image of one layer into the repository. */
  add(repository: string, tag: string, layer: Buffer): ManifestDocument;
  close(): Promise<void>;
}

async function readAll({ content }: ByteStream): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of content) pieces.push(piece);
  return Buffer.concat(pieces);
}

/** What imports may expect of every client. */
export function describeUpstreamClientContract(name: string, create: () => Promise<UpstreamUnderTest>): void {
  describe(`the upstream client ${name}`, () => {
    const { signal } = new AbortController();
    let under: UpstreamUnderTest;
    let manifest: ManifestDocument;
    beforeEach(async () => {
      under = await create();
      manifest = under.add(REPOSITORY, '1', LAYER);
    });
    afterEach(() => under.close());

    it('reads a manifest by its tag and by its digest, byte for byte', async () => {
      const { client } = under;
      expect(await client.readManifest(REPOSITORY, { tag: '1' }, signal)).toEqual(manifest);
      expect(await client.readManifest(REPOSITORY, { digest: manifest.digest }, signal)).toEqual(manifest);
    });

    it('says what a tag leads to now', async () => {
      expect(await under.client.resolveTag(REPOSITORY, '1', signal)).toEqual(manifest.digest);
      const next = under.add(REPOSITORY, '1', Buffer.from('next'));
      expect(await under.client.resolveTag(REPOSITORY, '1', signal)).toEqual(next.digest);
      expect(await under.client.readManifest(REPOSITORY, { digest: manifest.digest }, signal)).toEqual(
        manifest,
      );
    });

    it.each([0, 1, 99_999])(
      'gives a blob from byte %i on, or says that it gives the whole',
      async (position) => {
        const stream = await under.client.openBlob(REPOSITORY, contentDigest(LAYER), position, signal);
        expect([0, position]).toContain(stream.position);
        expect((await readAll(stream)).equals(LAYER.subarray(stream.position))).toBe(true);
      },
    );

    it('says of what is not there that it is not found', async () => {
      const absent = contentDigest(Buffer.from('absent'));
      const calls = [
        () => under.client.readManifest(REPOSITORY, { tag: '2' }, signal),
        () => under.client.readManifest(REPOSITORY, { digest: absent }, signal),
        () => under.client.resolveTag(REPOSITORY, '2', signal),
        () => under.client.openBlob(REPOSITORY, absent, 0, signal),
      ];
      for (const call of calls) {
        const error = await call().catch((thrown: unknown) => thrown);
        expect(error).toBeInstanceOf(UpstreamError);
        expect((error as UpstreamError).code).toBe('NOT_FOUND');
      }
    });
  });
}
