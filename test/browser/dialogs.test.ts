// SPDX-License-Identifier: Apache-2.0
/** Where the focus is when a dialog opens, and what Enter does there. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'puppeteer-core';
import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { describeWith } from '../requirements.ts';
import {
  chooseFiles,
  type Datastore,
  giveToken,
  launchBrowser,
  openPage,
  press,
  startDatastore,
  waitForText,
} from './page-under-test.ts';

const DISK = randomBytes(10_000);

describeWith(['chromium'], 'a dialog', () => {
  let browser: Browser;
  let datastore: Datastore;
  let page: Page;
  let folder: string;

  beforeAll(async () => {
    browser = await launchBrowser();
    datastore = await startDatastore();
    folder = await mkdtemp(join(tmpdir(), 'datastore-dialogs-'));
    await datastore.put('there.img', DISK);
  });
  afterAll(async () => {
    await browser?.close();
    await datastore?.stop();
    await rm(folder, { recursive: true });
  });
  beforeEach(async () => {
    ({ page } = await openPage(browser, `${datastore.origin}/-/`));
    await waitForText(page, 'tbody th', 'there.img');
  });

  async function choose(...names: readonly string[]): Promise<void> {
    const files = names.map((name) => join(folder, name));
    for (const file of files) await writeFile(file, DISK);
    await chooseFiles(page, 'input[aria-label="Files to upload"]', ...files);
  }
  const focused = async () => {
    await page.waitForSelector('dialog');
    return page.$eval(':focus', (element) => {
      const { tagName, textContent, type } = element as unknown as {
        tagName: string;
        textContent: string;
        type?: string;
      };
      return [tagName, type, textContent.trim()];
    });
  };

  it.each<[string, () => Promise<void>, unknown[]]>([
    ['of files to upload', () => choose('new.img'), ['BUTTON', 'submit', 'Upload']],
    ['of files that are all there', () => choose('there.img'), ['INPUT', 'checkbox', '']],
    ['of files of which one is there', () => choose('there.img', 'new.img'), ['BUTTON', 'submit', 'Upload']],
    ['of the settings for EVE', () => press(page, 'Use in EVE: there.img'), ['H2', null, 'Use in EVE']],
    ['of a deletion', () => press(page, 'Delete there.img'), ['BUTTON', 'button', 'Keep it']],
    ['of the write token', () => press(page, 'Write token…'), ['INPUT', 'password', '']],
  ])('%s begins where a person goes on', async (_, open, element) => {
    await open();
    expect(await focused()).toEqual(element);
    await page.keyboard.press('Escape');
    await page.waitForSelector('dialog', { hidden: true });
  });

  it('uploads the chosen files by Enter', async () => {
    await choose('by-enter.img');
    await waitForText(page, 'dialog h2', 'Upload a file');
    await page.keyboard.press('Enter');
    await giveToken(page);
    await vi.waitFor(
      async () => expect(await readFile(join(datastore.root, 'by-enter.img'))).toEqual(DISK),
      60_000,
    );
  });
});
