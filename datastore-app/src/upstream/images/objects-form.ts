// SPDX-License-Identifier: Apache-2.0
import { imageReference } from '../../images/image-path.ts';
import { UpstreamError } from '../upstream-error.ts';
import { headerOf, release } from '../upstream-requests.ts';
import type { StoreAsker } from './ask-store.ts';
import { createFileInquiry } from './file-inquiry.ts';
import { inWordsOfUpstream, type ListForm } from './list-forms.ts';
import { createFileCollector, type FileCollector, type ListedFile, MAX_LISTED_FILES } from './listed-file.ts';
import { parseObjectPage, type StoredObject } from './s3-answers.ts';

/** A thousand objects with keys of the greatest length. */
const MAX_PAGE_BYTES = 4 * 1024 * 1024;
const PAGE_OBJECTS = 1000;
const UNKNOWN =
  'the store knows no sha256 of it: upload it with one (x-amz-checksum-sha256, x-amz-meta-sha256), or a SHA256SUMS beside it';

/** 64 hexadecimal digits of what a store says in base64; undefined: of parts, or none. */
function sha256Of(checksum: string | undefined): string | undefined {
  if (checksum === undefined || !/^[A-Za-z0-9+/]{43}=$/.test(checksum)) return undefined;
  return Buffer.from(checksum, 'base64').toString('hex');
}

/**
 * What an object store says of its objects itself: their sizes by ListObjectsV2, and by one HEAD each the sha256 that
 * they were uploaded with, as checksum of the whole object or as `x-amz-meta-sha256`.
 *
 * @param base of the bucket
 * @param keyPrefix before the paths
 */
export function objectsForm(asker: StoreAsker, base: URL, keyPrefix: string): ListForm {
  const urlOf = (key: string) => new URL(imageReference(key), base);
  const digests = createFileInquiry<StoredObject, string | undefined>({
    keyOf: ({ key, entityTag, sizeBytes }) => `${entityTag} ${sizeBytes} ${key}`,
    async ask({ key }, signal) {
      const headers = { 'x-amz-checksum-mode': 'ENABLED' };
      const what = `object ${key}`;
      const answer = await asker.ask({ target: urlOf(key), method: 'HEAD', headers, what, signal });
      release(answer);
      // A checksum of parts is none of the whole.
      const isOfParts = headerOf(answer, 'x-amz-checksum-type') === 'COMPOSITE';
      const stated = isOfParts ? undefined : sha256Of(headerOf(answer, 'x-amz-checksum-sha256'));
      return stated ?? headerOf(answer, 'x-amz-meta-sha256')?.toLowerCase();
    },
  });

  async function listObjects(signal: AbortSignal): Promise<StoredObject[]> {
    const objects: StoredObject[] = [];
    let token: string | undefined;
    do {
      const target = new URL(base);
      target.searchParams.set('list-type', '2');
      target.searchParams.set('encoding-type', 'url');
      target.searchParams.set('max-keys', String(PAGE_OBJECTS));
      if (keyPrefix !== '') target.searchParams.set('prefix', keyPrefix);
      if (token !== undefined) target.searchParams.set('continuation-token', token);
      const { bytes } = await asker.read({ target, what: 'list of objects', signal }, MAX_PAGE_BYTES);
      const page = parseObjectPage(bytes?.toString() ?? '');
      objects.push(...page.objects);
      // The same page again, for ever.
      if (page.objects.length === 0 || page.nextToken === token) break;
      token = page.nextToken;
    } while (token !== undefined && objects.length <= MAX_LISTED_FILES);
    return objects;
  }

  return {
    name: 'ListObjectsV2',
    forget() {},
    async read(signal) {
      const objects = await inWordsOfUpstream(base, 'the list of objects', listObjects(signal));
      // Folders, as tools make them.
      const files = objects.filter(({ key }) => key.startsWith(keyPrefix) && !key.endsWith('/'));
      if (files.length === 0) {
        throw new UpstreamError('NOT_FOUND', `${base.host} has no objects below "${keyPrefix}"`);
      }
      const shown = files.slice(0, MAX_LISTED_FILES + 1).filter(({ key }) => key.isWellFormed());
      const { factOf, isComplete } = await digests.learn(shown, signal);
      const collector: FileCollector<ListedFile> = createFileCollector();
      if (!isComplete) collector.noteComing();
      for (const object of shown) {
        const path = object.key.slice(keyPrefix.length);
        const found = factOf(object);
        if ('reason' in found) collector.add({ path, ...found });
        else if (found.fact === undefined) collector.add({ path, reason: UNKNOWN });
        else {
          const { key, sizeBytes, modified } = object;
          const file = { path, sizeBytes, sha256: found.fact, format: undefined, modified };
          collector.add({ ...file, url: urlOf(key).href });
        }
      }
      return collector.list();
    },
  };
}
