// SPDX-License-Identifier: Apache-2.0
/** The manuals as the programs serve them: that each link leads somewhere, and what they weigh. */
import { globSync } from 'node:fs';
import { brotliDecompressSync } from 'node:zlib';
import type { BuiltSite } from '@local-datastore/shared/web/build-site';
import { type Site, START_DOCUMENT, siteOf } from '@local-datastore/shared/web/site';
import { documentAnswer } from '@local-datastore/shared/web/site-answer';
import { beforeAll, describe, expect, it } from 'vitest';
import { buildSites as buildDatastoreSites } from '../datastore-app/src/web/build-sites.ts';
import { buildSites as buildAgentSites } from '../eve-agent/src/web/build-sites.ts';
import { WORKSPACE } from './integration/manuals.ts';

/** What a manual may weigh in all but its pictures, as it goes over the wire. */
const MOST_COMPRESSED_BYTES = 300 * 1024;

const PROGRAMS = { 'datastore-app': buildDatastoreSites, 'eve-agent': buildAgentSites } as const;

const textOf = ({ content }: { readonly content: Buffer }) => content.toString();
const anchorsIn = (html: string) => [...html.matchAll(/ id="([^"]+)"/g)].map(([, anchor]) => anchor);

describe.each(Object.entries(PROGRAMS))('the manual of %s', (program, builders) => {
  let built: BuiltSite;
  let site: Site;
  const sources = globSync(['README.md', 'docs/*.md'], { cwd: `${WORKSPACE}/${program}` });

  beforeAll(async () => {
    built = await builders.manual();
    site = siteOf(built.files);
  });

  it('has every page, each with its title, and a list of all', () => {
    expect(sources.length).toBeGreaterThan(10);
    expect(site.documents.size).toBe(sources.length);
    for (const html of [...site.documents.values()].map(textOf)) {
      expect(html).toMatch(new RegExp(`<title>\\S.* – manual of ${program}</title>`));
      expect(html.match(/<h1 /g)).toHaveLength(1);
      const [, list = ''] = html.split('id="pages"');
      expect(list.match(/<li><a href="[^"]+"[^>]*>[^<]+<\/a><\/li>/g)).toHaveLength(sources.length);
      expect(list.match(/aria-current="page"/g)).toHaveLength(1);
    }
  });

  /** Names in the manual itself, of all that documents link to or load, with the document that does. */
  const referencesOf = () =>
    [...site.documents.values()].flatMap((document) =>
      [...textOf(document).matchAll(/ (?:href|src)="([^"]*)"/g)].map(([, url = '']) => ({
        from: document.name,
        url,
      })),
    );

  it('leads to documents and anchors that are there, to the page, or to the web', () => {
    const lost = referencesOf().filter(({ from, url }) => {
      if (url === '../' || /^https?:\/\/[\w.-]+\//.test(url)) return false;
      const [name = '', anchor] = url.split('#', 2);
      const target = name === '' ? from : name === './' ? START_DOCUMENT : name;
      const document = site.documents.get(target);
      if (document === undefined) return anchor !== undefined || !site.assets.has(target);
      return anchor !== undefined && !anchorsIn(textOf(document)).includes(anchor);
    });
    expect(lost).toEqual([]);
  });

  it('has each anchor once on a page', () => {
    for (const html of [...site.documents.values()].map(textOf)) {
      const anchors = anchorsIn(html);
      expect(new Set(anchors).size).toBe(anchors.length);
    }
  });

  it('loads all of its assets, and shows each picture of the sources', () => {
    const named = new Set(referencesOf().map(({ url }) => url));
    expect([...site.assets.keys()].filter((name) => !named.has(name))).toEqual([]);
    const pictures = globSync('docs/*.png', { cwd: `${WORKSPACE}/${program}` });
    expect([...site.assets.keys()].filter((name) => name.endsWith('.png'))).toHaveLength(pictures.length);
  });

  it('has nothing that its security policy forbids, and needs no script', () => {
    for (const document of site.documents.values()) {
      // Outside of tags all signs are escaped.
      const tags =
        textOf(document)
          .match(/<[^>]+>/g)
          ?.join('\n') ?? '';
      expect(tags).not.toMatch(
        /<(?:script|style|iframe|form|base|object)\b|\sstyle=|\son\w+=|javascript:|src="http/,
      );
    }
    const styles = [...site.assets.values()].filter(({ name }) => name.endsWith('.css'));
    expect(styles.map(textOf).join()).not.toMatch(/url\(|@import/);
    const { headers } = documentAnswer(site.start, new Set(['br']));
    expect(headers).toMatchObject({
      'Content-Encoding': 'br',
      'Content-Security-Policy': expect.stringContaining(
        "default-src 'none'; script-src 'self'; style-src 'self';",
      ),
    });
  });

  it('is small, and the same in every form', () => {
    const written = built.files.filter(({ name }) => !name.endsWith('.png'));
    const bytes = written.reduce((sum, { content, gzip }) => sum + (gzip ?? content).length, 0);
    expect(bytes).toBeLessThan(MOST_COMPRESSED_BYTES);
    for (const { content, brotli } of written) {
      expect(brotli && brotliDecompressSync(brotli)).toEqual(content);
    }
  });

  it('tells what it was built from, so that a change is noticed', () => {
    const inputs = [...Object.keys(built.metafile.inputs), ...built.otherInputs];
    for (const file of [...sources, 'docs/page.png', 'src/web/page/icon.svg']) {
      expect(inputs).toContain(`${program}/${file}`);
    }
    expect(inputs).toContain('shared/src/web/manual/manual.css');
  });

  it('has the same names when it is built again', async () => {
    const again = await builders.manual();
    expect(again.files.map(({ name }) => name)).toEqual(built.files.map(({ name }) => name));
  });
});
