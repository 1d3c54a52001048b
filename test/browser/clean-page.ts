// SPDX-License-Identifier: Apache-2.0
/** What a page must be at any moment: without what axe finds, and no wider than the screen. */
import axe from 'axe-core';
import type { Page } from 'puppeteer-core';
import { expect } from 'vitest';
import type { PageView } from './page-under-test.ts';

export const SCREENS: readonly [string, PageView][] = [
  ['light', {}],
  ['dark', { scheme: 'dark' }],
  ['phone', { width: 360, height: 740 }],
  // What is left of a window of 1280 by 720.
  ['dark, zoomed to 200 %', { width: 640, height: 360, scheme: 'dark' }],
];

async function findViolations(page: Page): Promise<string[]> {
  // Evaluated by the debugger, which the page's policy does not bind; once, as it takes as long as a look.
  if (await page.evaluate("typeof axe === 'undefined'")) await page.evaluate(axe.source);
  const { violations } = (await page.evaluate('axe.run()')) as axe.AxeResults;
  return violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`));
}

/** Whether something is wider than the screen. */
const isTooWide = (page: Page) =>
  page.evaluate('document.documentElement.scrollWidth > document.documentElement.clientWidth');

/** @param where such as `the dialog`, for who reads the failure */
export async function expectClean(page: Page, where: string): Promise<void> {
  expect(await findViolations(page), where).toEqual([]);
  expect(await isTooWide(page), `${where} fits the screen`).toBe(false);
}
