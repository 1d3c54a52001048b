import { formatDigest } from '@local-datastore/shared/oci/digest';
import type { ManifestLinks } from '@local-datastore/shared/oci/manifest';
import type { ManifestReference } from '@local-datastore/shared/oci/reference';
import * as z from 'zod';
import { createRegistryAuthorization, type RegistryAuthorization } from '../registry/authorization.ts';
import { RegistryError } from '../registry/errors.ts';
import type { FetchDocument } from '../registry/fetch-document.ts';
import { parseRegistryImage, type RegistryImage } from '../registry/image-reference.ts';
import { createRegistryClient, type RegistryClient } from '../registry/registry-client.ts';
import type { DownloadRequest } from '../transfer/download-request.ts';
import { singleValue } from '../transfer/validators.ts';
import type { MirroredName } from './mirror-path.ts';

/** Which content is here, and how more comes. */
export interface ContentHere {
  find(hex: string): Promise<{ readonly sizeBytes: number } | null>;
  /** Of what is small. @returns null: it is not here, or not what it was, and gone now */
  read(hex: string): Promise<Buffer | null>;
  write(hex: string, bytes: Buffer): Promise<void>;
  /** Fetches a blob to its place, once for all who ask meanwhile; verified when this returns. */
  fetch(hex: string, request: Omit<DownloadRequest, 'target'>): Promise<void>;
}

export interface MirroredManifest {
  readonly bytes: Buffer;
  readonly digest: string;
  readonly mediaType: string;
}

export interface TagPage {
  readonly tags: readonly string[];
  readonly hasMore: boolean;
}

/** The images of datastores, as far as they are asked for. */
export interface MirroredImages {
  /** @throws RegistryError; what the way there throws */
  readManifest(
    name: MirroredName,
    reference: ManifestReference,
    signal: AbortSignal,
  ): Promise<MirroredManifest>;
  /** Makes sure that a blob is here. @param hex its sha256. @returns its size. @throws as `readManifest` */
  ensureBlob(name: MirroredName, hex: string): Promise<number>;
  /** @throws as `readManifest` */
  listTags(name: MirroredName, query: URLSearchParams, signal: AbortSignal): Promise<TagPage>;
}

export interface MirroredImagesDeps {
  readonly fetchDocument: FetchDocument;
  readonly content: ContentHere;
  readManifestLinks(bytes: Buffer): ManifestLinks;
}

const MAX_TAGS_BYTES = 4 * 1024 * 1024;
const MAX_REPOSITORIES = 1000;
const TAGS = z.object({ tags: z.array(z.string()).nullish() });

interface Repository {
  readonly image: RegistryImage;
  readonly authorization: RegistryAuthorization;
  readonly client: RegistryClient;
}

export function createMirroredImages(
  { fetchDocument, content, readManifestLinks }: MirroredImagesDeps,
  ca: string | null,
): MirroredImages {
  const repositories = new Map<string, Repository>();

  /** With its token, which is asked for once. */
  function repositoryOf({ host, repository }: MirroredName): Repository {
    const key = `${host}/${repository}`;
    const known = repositories.get(key);
    if (known !== undefined) return known;
    const image = parseRegistryImage(key, ca === null ? undefined : 'https');
    const authorization = createRegistryAuthorization(fetchDocument, {
      ...{ registry: image.registry, repository, given: null, ca, allowsInternal: false },
    });
    const made = {
      ...{ image, authorization },
      client: createRegistryClient(fetchDocument, { image, authorization, ca }),
    };
    const [oldest] = repositories.keys();
    if (repositories.size >= MAX_REPOSITORIES && oldest !== undefined) repositories.delete(oldest);
    repositories.set(key, made);
    return made;
  }

  return {
    async readManifest(name, reference, signal) {
      const wanted =
        'digest' in reference && reference.digest.algorithm === 'sha256' ? reference.digest : null;
      const bytes = wanted === null ? null : await content.read(wanted.hex);
      if (wanted !== null && bytes !== null) {
        return { bytes, digest: formatDigest(wanted), mediaType: readManifestLinks(bytes).mediaType };
      }
      const { client } = repositoryOf(name);
      const manifest = await client.readManifest(reference, signal);
      const { digest, mediaType } = manifest;
      if (digest.algorithm === 'sha256') await content.write(digest.hex, manifest.bytes);
      return { bytes: manifest.bytes, digest: formatDigest(digest), mediaType };
    },
    async ensureBlob(name, hex) {
      const here = await content.find(hex);
      if (here !== null) return here.sizeBytes;
      const { client, authorization } = repositoryOf(name);
      await content.fetch(hex, {
        ...{ url: client.blobUrl({ algorithm: 'sha256', hex }), sha256: hex, sizeBytes: null, ca },
        authorization: authorization.current,
        renewAuthorization: authorization.renew,
      });
      const fetched = await content.find(hex);
      if (fetched === null) throw new Error('the cache is too small for what is asked for at the same time');
      return fetched.sizeBytes;
    },
    async listTags(name, query, signal) {
      const { image, authorization } = repositoryOf(name);
      const url = new URL(`/v2/${image.repository}/tags/list`, image.registry);
      for (const key of ['n', 'last']) {
        const value = query.get(key);
        if (value !== null) url.searchParams.set(key, value);
      }
      const answer = await fetchDocument(
        {
          ...{ url, ca, accept: 'application/json', maxBytes: MAX_TAGS_BYTES, isDigestKnown: false },
          authorization: authorization.current,
          renewAuthorization: authorization.renew,
        },
        signal,
      );
      const { statusCode } = answer;
      if (statusCode !== 200) {
        const code = statusCode === 404 ? 'IMAGE_NOT_FOUND' : 'ACCESS_DENIED';
        throw new RegistryError(code, `${image.registry.host} lists no tags of ${image.repository}`, {
          details: { statusCode },
        });
      }
      const parsed = TAGS.safeParse(parseJson(answer.bytes));
      if (!parsed.success) throw new RegistryError('MANIFEST_INVALID', 'the list of tags cannot be read');
      return { tags: parsed.data.tags ?? [], hasMore: singleValue(answer.headers, 'link') !== null };
    },
  };
}

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString());
  } catch {
    return null;
  }
}
