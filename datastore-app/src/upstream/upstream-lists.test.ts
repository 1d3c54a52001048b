// SPDX-License-Identifier: Apache-2.0
import { OCI_INDEX, OCI_MANIFEST } from '@local-datastore/shared/oci/media-types';
import { describe, expect, it } from 'vitest';
import type { DocumentWish, UpstreamDocument } from './upstream-client.ts';
import { UpstreamError } from './upstream-error.ts';
import { listUpstreamReferrers, listUpstreamTags, nextQuery } from './upstream-lists.ts';

const signal = new AbortController().signal;
const SUBJECT = { algorithm: 'sha256', hex: 'ab'.repeat(32) } as const;

/** A registry that answers page after page. */
function pages(...documents: (UpstreamDocument | UpstreamError)[]) {
  const asked: string[] = [];
  return {
    asked,
    async readDocument(_repository: string, { path }: DocumentWish) {
      asked.push(path);
      const document = documents[Math.min(asked.length, documents.length) - 1];
      if (document === undefined || document instanceof UpstreamError) throw document;
      return document;
    },
  };
}
const page = (document: object | string, link?: string): UpstreamDocument => ({
  bytes: Buffer.from(typeof document === 'string' ? document : JSON.stringify(document)),
  link,
});

it.each([
  [undefined, undefined],
  ['', undefined],
  ['</v2/app/tags/list?n=2&last=b>; rel="next"', '?n=2&last=b'],
  ['<https://elsewhere.example/other?last=b>; rel=next', '?last=b'],
  ['</v2/app/tags/list>; rel="next"', undefined],
  ['</v2/app/tags/list?last=b>; rel="prev"', undefined],
  ['<http://[>; rel="next"', undefined],
])('the link %j leads to %j', (link, query) => {
  expect(nextQuery(link)).toBe(query);
});

describe('tags', () => {
  it('come page after page, those alone that are tags', async () => {
    const client = pages(
      page({ tags: ['1', '../x', '2'] }, '<?last=2>; rel="next"'),
      page({ tags: ['3'] }, '<?last=3>; rel="next"'),
      page({ tags: null }),
    );
    expect(await listUpstreamTags(client, 'app', signal)).toEqual(['1', '2', '3']);
    expect(client.asked).toEqual(['tags/list?n=1000', 'tags/list?last=2', 'tags/list?last=3']);
  });

  it('end where the same page comes for ever', async () => {
    const client = pages(page({ tags: ['1'] }, '<?last=1>; rel="next"'));
    expect(await listUpstreamTags(client, 'app', signal)).toEqual(['1']);
    expect(client.asked).toHaveLength(2);
  });

  it('end where there are more than can be kept', async () => {
    let at = 0;
    const client = {
      readDocument: async () => {
        at += 1;
        const tags = Array.from({ length: 3000 }, (_, index) => `t${at}-${index}`);
        return page({ tags }, `<?last=${at}>; rel="next"`);
      },
    };
    expect(await listUpstreamTags(client, 'app', signal)).toHaveLength(10_000);
  });

  it.each([['no JSON'], ['[]'], ['{"tags":[1]}']])('are none in %s', async (text) => {
    await expect(listUpstreamTags(pages(page(text)), 'app', signal)).rejects.toThrow('no list of tags');
  });
});

describe('referrers', () => {
  const descriptor = {
    ...{ mediaType: OCI_MANIFEST, size: 2, artifactType: 'application/vnd.example' },
    digest: `sha256:${'cd'.repeat(32)}`,
  };
  it('are those of the index', async () => {
    const client = pages(page({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: [descriptor] }));
    expect(await listUpstreamReferrers(client, 'app', SUBJECT, signal)).toMatchObject([
      { digest: { hex: 'cd'.repeat(32) } },
    ]);
  });

  it.each([400, 404, 405, 501])('cannot be asked for where the answer is %d', async (status) => {
    const client = pages(new UpstreamError('NOT_FOUND', 'no', { details: { status } }));
    expect(await listUpstreamReferrers(client, 'app', SUBJECT, signal)).toBeUndefined();
  });

  it('cannot be asked for where a page for browsers comes', async () => {
    expect(await listUpstreamReferrers(pages(page('<html>')), 'app', SUBJECT, signal)).toBeUndefined();
  });

  it('are not known where the registry fails', async () => {
    const failure = new UpstreamError('UNREACHABLE', 'off', { details: { status: 503 } });
    await expect(listUpstreamReferrers(pages(failure), 'app', SUBJECT, signal)).rejects.toBe(failure);
  });
});
