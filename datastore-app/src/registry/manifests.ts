// SPDX-License-Identifier: Apache-2.0
import { formatDigest } from '@local-datastore/shared/oci/digest';
import { parseManifest } from '@local-datastore/shared/oci/manifest';
import { withoutParameters } from '@local-datastore/shared/oci/media-types';
import {
  formatManifestReference,
  isTag,
  type ManifestReference,
  type RepositoryName,
  TAG_RULES,
} from '@local-datastore/shared/oci/reference';
import { manifestLocation } from '@local-datastore/shared/oci/registry-path';
import type { RegistryAccess } from '../access/registry-access.ts';
import type { RegistryStore } from '../blobs/registry-store.ts';
import { type NoteChange, registryImage } from '../changes/change.ts';
import { isNoneMatch } from '../http/validators.ts';
import { digestOfManifest, receiveManifest, storedLinks } from './manifest-content.ts';
import { type RegistryCall, type RegistryResource, sendEmpty } from './registry-call.ts';
import { RegistryRefusedError } from './registry-refusal.ts';

export interface ManifestsDeps {
  readonly note: NoteChange;
  readonly store: Pick<
    RegistryStore,
    'readManifest' | 'statManifest' | 'putManifest' | 'deleteTag' | 'deleteManifest' | 'listTags'
  >;
  readonly access: Pick<RegistryAccess, 'noteDone'>;
}

/** More would not fit into one header of the answer. */
const MAX_TAGS = 100;

/** The tags that `?tag=` names beside a digest (end-7b). @throws RegistryRefusedError */
function furtherTags(query: URLSearchParams): readonly string[] {
  const tags = [...new Set(query.getAll('tag'))];
  if (tags.length > MAX_TAGS) {
    throw new RegistryRefusedError(414, 'TAG_INVALID', `At most ${MAX_TAGS} tags can be given at once.`);
  }
  if (!tags.every(isTag)) throw new RegistryRefusedError(400, 'TAG_INVALID', TAG_RULES);
  return tags;
}

/**
 * `/v2/<name>/manifests/<tag-or-digest>`: manifests as they were pushed, byte for byte (end-3, 7, 9). There is one
 * manifest a tag, whatever the client says it accepts: another one would have another digest.
 */
export function createManifests({ note, store, access }: ManifestsDeps): RegistryResource<'manifest'> {
  type Call = RegistryCall<{
    readonly kind: 'manifest';
    readonly repository: RepositoryName;
    readonly reference: ManifestReference;
  }>;

  async function unknownManifest({ path: { repository, reference } }: Call): Promise<RegistryRefusedError> {
    const isKnown = (await store.listTags(repository, { limit: 0 })) !== undefined;
    return isKnown
      ? new RegistryRefusedError(404, 'MANIFEST_UNKNOWN', 'The repository does not have this manifest.', {
          detail: { reference: formatManifestReference(reference) },
        })
      : new RegistryRefusedError(404, 'NAME_UNKNOWN', `There is no repository "${repository}".`);
  }

  async function read(call: Call): Promise<void> {
    const { request, response, path } = call;
    const { repository, reference } = path;
    const isHead = request.method === 'HEAD';
    const manifest = isHead
      ? await store.statManifest(repository, reference)
      : await store.readManifest(repository, reference);
    if (manifest === undefined) throw await unknownManifest(call);
    const digest = formatDigest(manifest.digest);
    const headers = { 'Docker-Content-Digest': digest, ETag: `"${digest}"` };
    const ifNoneMatch = request.headers['if-none-match'];
    if (ifNoneMatch !== undefined && !isNoneMatch(ifNoneMatch, headers.ETag)) {
      response.writeHead(304, headers).end();
      return;
    }
    const bytes = 'bytes' in manifest ? manifest.bytes : undefined;
    response.writeHead(200, {
      ...headers,
      'Content-Type': manifest.mediaType,
      'Content-Length': 'sizeBytes' in manifest ? manifest.sizeBytes : manifest.bytes.length,
      'X-Content-Type-Options': 'nosniff',
    });
    response.end(bytes);
  }

  return {
    GET: { action: 'pull', handle: read },
    HEAD: { action: 'pull', handle: read },
    PUT: {
      action: 'push',
      async handle(call) {
        const { request, response, path, query, allowed } = call;
        const { repository, reference } = path;
        const isByTag = 'tag' in reference;
        const tags = isByTag ? [reference.tag] : furtherTags(query);
        const bytes = await receiveManifest(request, response);
        const contentType = request.headers['content-type'];
        const links = parseManifest(bytes, contentType && withoutParameters(contentType));
        const digest = digestOfManifest(bytes, isByTag ? undefined : reference.digest);
        await store.putManifest(repository, {
          ...{ bytes, mediaType: links.mediaType, digest, tags, by: allowed.subject },
          ...storedLinks(links),
        });
        const names = tags.length > 0 ? tags : [formatDigest(digest)];
        for (const name of names) {
          note(
            {
              ...{ action: 'pushed', image: registryImage(repository, name), digest: formatDigest(digest) },
              ...{ by: allowed.subject, client: allowed.client, via: 'registry' },
            },
            'a manifest was pushed',
          );
        }
        sendEmpty(call, 201, {
          Location: manifestLocation(repository, digest),
          'Docker-Content-Digest': formatDigest(digest),
          ...(links.subject && { 'OCI-Subject': formatDigest(links.subject.digest) }),
          ...(!isByTag && tags.length > 0 && { 'OCI-Tag': tags.join(', ') }),
        });
        await access.noteDone(allowed.subject);
      },
    },
    DELETE: {
      action: 'delete',
      async handle(call) {
        const { path, query, allowed } = call;
        const { repository, reference } = path;
        const isForced = query.get('force') !== null && query.get('force') !== 'false';
        const isDeleted =
          'tag' in reference
            ? await store.deleteTag(repository, reference.tag)
            : await store.deleteManifest(repository, reference.digest, { isForced });
        if (!isDeleted) throw await unknownManifest(call);
        note(
          {
            action: 'tag' in reference ? 'untagged' : 'deleted',
            image: registryImage(repository, formatManifestReference(reference)),
            ...{ by: allowed.subject, client: allowed.client, via: 'registry' },
          },
          'a manifest or a tag was deleted',
        );
        sendEmpty(call, 202);
        await access.noteDone(allowed.subject);
      },
    },
  };
}
