// SPDX-License-Identifier: Apache-2.0
/** The form of the manuals' pages: what each begins and ends with, and from where a reader comes to it. */
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Manual, readManuals } from './integration/manuals.ts';

const END = 'What goes wrong';
const LEAST_FAULTS = 3;
/** By this line a reader has seen the first commands, or the configuration that does it. */
const FIRST_BLOCK_BY_LINE = 12;
const BEGINNINGS: ReadonlySet<string> = new Set(['sh', 'console', 'json', 'yaml', 'ts']);

/** Pages without commands and faults of their own, and why. */
const REFERENCES: ReadonlyMap<string, string> = new Map([
  ['datastore-app/docs/compared.md', 'what others have, and where what is here is told of'],
  ['datastore-app/docs/glossary.md', 'words, and where each is explained'],
  ['datastore-app/docs/troubleshooting.md', 'all of it is what goes wrong, over all pages'],
  ['eve-agent/docs/troubleshooting.md', 'all of it is what goes wrong, over all pages'],
]);

const PAGE = /^(?:(datastore-app|eve-agent)\/docs\/[^/]+|compose\/README)\.md$/;
const MANUALS = await readManuals();
const PAGES = MANUALS.filter(({ path }) => PAGE.test(path));

/** The page from which a reader comes to another: the README of its program, or of the whole. */
const entryTo = (path: string) => {
  const program = PAGE.exec(path)?.[1];
  return program === undefined ? 'README.md' : `${program}/README.md`;
};

/** The last section of a page: its heading, and its rows (without the head) or items. */
function endOf({ prose }: Manual): { heading: string; faults: readonly string[] } {
  const [heading = '', ...lines] = prose.split(/^## /m).at(-1)?.split('\n') ?? [];
  const rows = lines.filter((line) => line.startsWith('| '));
  const items = lines.filter((line) => line.startsWith('- '));
  // The first two rows of a table are its head, and the line below that.
  return { heading, faults: [...rows.slice(2), ...items] };
}

describe('each page of the manuals', () => {
  it('is found', () => {
    expect(PAGES.length).toBeGreaterThan(REFERENCES.size);
    expect([...REFERENCES.keys()].filter((path) => !PAGES.some((page) => page.path === path))).toEqual([]);
  });

  it.each(PAGES.map((page) => [page.path, page] as const))('%s is led to', (path, { prose }) => {
    expect(prose.split('\n')[0]).toMatch(/^# \S/);
    const entry = MANUALS.find((manual) => manual.path === entryTo(path));
    const targets = entry?.links.map((link) => normalize(join(dirname(entry.path), link)));
    expect(targets).toContain(path);
  });

  const guides = PAGES.filter(({ path }) => !REFERENCES.has(path)).map((page) => [page.path, page] as const);

  it.each(guides)('%s begins with what does it', (_path, { blocks }) => {
    expect(BEGINNINGS).toContain(blocks[0]?.language);
    expect(blocks[0]?.line).toBeLessThanOrEqual(FIRST_BLOCK_BY_LINE);
  });

  it.each(guides)(`%s ends with "${END}"`, (_path, page) => {
    const { heading, faults } = endOf(page);
    expect(heading).toBe(END);
    expect(faults.length).toBeGreaterThanOrEqual(LEAST_FAULTS);
  });
});
