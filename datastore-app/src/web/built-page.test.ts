// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import type { BuiltSite } from '@local-datastore/shared/web/build-site';
import { siteOf } from '@local-datastore/shared/web/site';
import { documentAnswer } from '@local-datastore/shared/web/site-answer';
import { beforeAll, describe, expect, it } from 'vitest';
import { buildSites } from './build-sites.ts';

/** What the page may weigh in all, as it goes over the wire. */
const MOST_COMPRESSED_BYTES = 100 * 1024;

let page: BuiltSite;
beforeAll(async () => {
  page = await buildSites.page();
});

const textOf = (extension: string) =>
  page.files
    .filter(({ name }) => name.endsWith(extension))
    .map(({ content }) => content.toString())
    .join('\n');

describe('the built page', () => {
  it('is small', () => {
    const bytes = page.files.reduce((sum, { content, gzip }) => sum + (gzip ?? content).length, 0);
    expect(bytes).toBeLessThan(MOST_COMPRESSED_BYTES);
  });

  it('holds the same in every form', () => {
    for (const { content, gzip, brotli } of page.files) {
      if (gzip !== undefined) expect(gunzipSync(gzip)).toEqual(content);
      if (brotli !== undefined) expect(brotliDecompressSync(brotli)).toEqual(content);
    }
    expect(page.files.filter(({ brotli }) => brotli !== undefined).map(({ name }) => name)).toContainEqual(
      expect.stringMatching(/^main-[0-9a-f]{10}\.js$/),
    );
  });

  it('loads nothing but its own files, and every one of them', () => {
    const html = textOf('.html');
    const named = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, url]) => url);
    const assets = page.files.map(({ name }) => `/-/assets/${name}`);
    expect(named.filter((url) => url?.startsWith('/-/assets/')).sort()).toEqual(
      assets.filter((url) => !url.endsWith('.html')).sort(),
    );
    expect(textOf('.css')).not.toMatch(/url\(|@import/);
    expect(html).not.toContain('{{');
  });

  it('has nothing that its security policy forbids: no script in it, and of styles what the policy names', () => {
    expect(textOf('.html')).not.toMatch(/style=|<script(?![^>]*src=)|\son\w+=/);
    expect(textOf('.html').match(/<style/g)).toHaveLength(1);
    const [, style = ''] = /<style>(.*)<\/style>/s.exec(textOf('.html')) ?? [];
    const { headers } = documentAnswer(siteOf(page.files).start, new Set());
    const digest = createHash('sha256').update(style).digest('base64');
    expect(headers['Content-Security-Policy']).toContain(`style-src 'self' 'sha256-${digest}';`);
    expect(textOf('.js')).not.toMatch(/\beval\(|new Function\(/);
  });

  it('draws its frame before its program and its styles have come', () => {
    const [head = '', frame = ''] = textOf('.html').split('<div id="page">');
    expect(head).toContain('.skeleton');
    expect(head).not.toContain('rel="stylesheet"');
    for (const part of ['<h1>Local datastore</h1>', 'class="skeleton"']) expect(frame).toContain(part);
    expect(textOf('.css')).toContain('.skeleton');
  });

  it('tells what it was built from, so that a change is noticed', () => {
    const folder = 'datastore-app/src/web/page';
    const inputs = [...Object.keys(page.metafile.inputs), ...page.otherInputs];
    for (const file of ['main.tsx', 'page.css', 'styles/images.css', 'index.html', 'icon.svg']) {
      expect(inputs).toContain(`${folder}/${file}`);
    }
    expect(inputs).toContain('shared/src/page/styles/base.css');
  });

  it('has the same names when it is built again', async () => {
    const again = await buildSites.page();
    expect(again.files.map(({ name }) => name)).toEqual(page.files.map(({ name }) => name));
  });
});
