// SPDX-License-Identifier: Apache-2.0
import type { Descriptor } from '@local-datastore/shared/oci/descriptor';
import { formatDigest, type OciDigest } from '@local-datastore/shared/oci/digest';
import { MAX_MANIFEST_BYTES, ManifestError, parseManifest } from '@local-datastore/shared/oci/manifest';
import { OCI_INDEX } from '@local-datastore/shared/oci/media-types';
import { isTag } from '@local-datastore/shared/oci/reference';
import * as z from 'zod';
import type { UpstreamClient } from './upstream-client.ts';
import { UpstreamError } from './upstream-error.ts';

type Reader = Pick<UpstreamClient, 'readDocument'>;

const MAX_LIST_BYTES = 4 * 1024 * 1024;
/** Of one list: no upstream keeps somebody reading for ever. */
const MAX_PAGES = 100;
const MAX_TAGS = 10_000;
const MAX_REFERRERS = 1000;

const TAGS = z.object({ tags: z.array(z.string()).nullish() });

/** Statuses by which a registry says that it has no such list at all. */
const UNKNOWN_PATH = new Set([400, 404, 405, 501]);

/**
 * The query of the next page (distribution-spec, "Listing Tags"): of the same list, wherever the link leads.
 *
 * @returns undefined where there is none
 */
export function nextQuery(link: string | undefined): string | undefined {
  const [, target] = /<([^>]*)>\s*;\s*rel="?next"?/i.exec(link ?? '') ?? [];
  const search = target === undefined ? '' : (URL.parse(target, 'http://upstream.invalid')?.search ?? '');
  return search === '' ? undefined : search;
}

/** All pages of a list, as far as a list may be long. */
async function* pagesOf(
  client: Reader,
  repository: string,
  wish: { readonly path: string; readonly query: string; readonly accept: string; readonly what: string },
  maxBytes: number,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  let query = wish.query;
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const { accept, what } = wish;
    const path = `${wish.path}${query}`;
    const { bytes, link } = await client.readDocument(repository, { path, accept, maxBytes, what }, signal);
    yield bytes;
    const next = nextQuery(link);
    if (next === undefined || next === query) return;
    query = next;
  }
}

/**
 * The tags of a repository, those alone that can be tags, at most 10,000.
 *
 * @throws UpstreamError
 */
export async function listUpstreamTags(
  client: Reader,
  repository: string,
  signal: AbortSignal,
): Promise<string[]> {
  const what = `the tags of ${repository}`;
  const tags = new Set<string>();
  const wish = { path: 'tags/list', query: '?n=1000', accept: 'application/json', what };
  for await (const bytes of pagesOf(client, repository, wish, MAX_LIST_BYTES, signal)) {
    const page = TAGS.safeParse(parseJson(bytes));
    if (!page.success) throw new UpstreamError('INVALID', `what comes as ${what} is no list of tags`);
    const before = tags.size;
    for (const tag of page.data.tags ?? []) if (isTag(tag) && tags.size < MAX_TAGS) tags.add(tag);
    // The same page again and again is no list either.
    if (tags.size === before || tags.size >= MAX_TAGS) break;
  }
  return [...tags];
}

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString());
  } catch {
    return undefined;
  }
}

/**
 * What refers to a manifest, as the referrers API says it (distribution-spec, "Listing Referrers"); at most 1,000.
 *
 * @returns undefined where the registry has no such API: then its fallback tag says it
 * @throws UpstreamError
 */
export async function listUpstreamReferrers(
  client: Reader,
  repository: string,
  digest: OciDigest,
  signal: AbortSignal,
): Promise<Descriptor[] | undefined> {
  const text = formatDigest(digest);
  const wish = { path: `referrers/${text}`, query: '', accept: OCI_INDEX, what: `the referrers of ${text}` };
  const found = new Map<string, Descriptor>();
  try {
    for await (const bytes of pagesOf(client, repository, wish, MAX_MANIFEST_BYTES, signal)) {
      const before = found.size;
      for (const each of parseManifest(bytes, OCI_INDEX).children) found.set(formatDigest(each.digest), each);
      if (found.size === before || found.size >= MAX_REFERRERS) break;
    }
  } catch (error) {
    // Whoever does not know the path may as well answer with a page for browsers.
    if (error instanceof ManifestError) return undefined;
    const status = error instanceof UpstreamError ? error.details.status : undefined;
    if (typeof status === 'number' && UNKNOWN_PATH.has(status)) return undefined;
    throw error;
  }
  return [...found.values()].slice(0, MAX_REFERRERS);
}
