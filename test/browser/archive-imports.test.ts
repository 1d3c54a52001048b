// SPDX-License-Identifier: Apache-2.0
/** Archives of container images that a person has at hand, imported on the page: from the form, and in place of a file. */
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'puppeteer-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import {
  CONFIG_MEMBER,
  LAYERS,
  SAVED,
  saved,
} from '../../datastore-app/src/formats/testing/container-archives.ts';
import { tar } from '../../shared/src/tar/testing/tar.ts';
import { describeWith } from '../requirements.ts';
import { expectClean } from './clean-page.ts';
import {
  chooseFiles,
  type Datastore,
  fill,
  giveToken,
  launchBrowser,
  type OpenedPage,
  openPage,
  press,
  startDatastore,
  waitForText,
} from './page-under-test.ts';

const LAYER_FILES = [
  { name: 'a/layer.tar', content: LAYERS[0] },
  { name: 'b/layer.tar', content: LAYERS[1] },
];
/** What `docker save lab/app:1` wrote, with a file beside that makes it last. */
const archiveOf = (name: string, padding = 0) =>
  tar(
    CONFIG_MEMBER,
    ...LAYER_FILES,
    { name: 'beside', content: Buffer.alloc(padding, 'x') },
    saved({ ...SAVED, RepoTags: [name] }),
  );

describeWith(['chromium'], 'archives on the page', () => {
  let browser: Browser;
  let datastore: Datastore;
  let folder: string;
  let opened: OpenedPage;
  let page: Page;

  beforeAll(async () => {
    browser = await launchBrowser();
    datastore = await startDatastore();
    folder = await mkdtemp(join(tmpdir(), 'archives-'));
  });
  afterAll(async () => {
    await browser?.close();
    await datastore?.stop();
    await rm(folder, { recursive: true, force: true });
  });
  beforeEach(async () => {
    opened = await openPage(browser, `${datastore.origin}/-/#containers`);
    page = opened.page;
  });
  afterEach(async () => {
    expect(opened.errors).toEqual([]);
    await page.browserContext().close();
  });

  async function fileOf(name: string, content: Buffer): Promise<string> {
    await mkdir(folder, { recursive: true });
    const file = join(folder, name);
    await writeFile(file, content);
    return file;
  }
  async function chooseArchives(...files: string[]): Promise<void> {
    await press(page, 'Import images');
    await press(page, 'From archives in files');
    await chooseFiles(page, 'input[aria-label="Archives to import"]', ...files);
  }

  it('are imported from the form, under a name or their own, and what is none says why', async () => {
    await chooseArchives(await fileOf('app.tar', archiveOf('lab/page:1')));
    await waitForText(page, '.chosen', 'app.tar');
    await expectClean(page, 'the form for archives');
    await fill(page, 'Name here (empty: as the archive calls them)', 'Lab/Named:7');
    await press(page, 'Import');
    await giveToken(page);
    await waitForText(page, '.upload-done', 'lab/named:7');
    await waitForText(page, '.upload-done', 'lower case');
    await waitForText(page, 'summary', 'lab/named');
    await chooseArchives(
      await fileOf('own.tar', archiveOf('lab/page:1')),
      await fileOf('none.tar', Buffer.alloc(2000, 'x')),
    );
    await press(page, 'Import');
    await waitForText(page, '.upload-done', 'lab/page:1, ');
    await waitForText(page, '.upload-failed', 'It is no tar archive');
    await expectClean(page, 'archives that were imported, and one that was not');
    await press(page, 'Dismiss none.tar');
    await page.waitForSelector('.upload-failed', { hidden: true });
  });

  it('are imported in place of being kept as files', async () => {
    await page.locator('nav a::-p-text(Images)').click();
    const file = await fileOf('kept.tar', archiveOf('lab/kept:3'));
    await chooseFiles(page, 'input[aria-label="Files to upload"]', file);
    await page.locator('dialog .check::-p-text(Import this archive)').click();
    await press(page, 'Upload');
    await giveToken(page);
    await waitForText(page, '.upload-done', 'lab/kept:3');
    expect((await readdir(datastore.root)).filter((name) => !name.startsWith('.'))).toEqual([]);
    await page.locator('nav a::-p-text(Containers)').click();
    await waitForText(page, 'summary', 'lab/kept');
  });

  it('show how far they are, and end when they are cancelled', async () => {
    // What is sent stays on the way.
    const held: string[] = [];
    await page.setRequestInterception(true);
    page.on('request', (request) => {
      if (request.method() === 'POST' && request.url().includes('/registry/import')) held.push(request.url());
      else void request.continue();
    });
    await chooseArchives(await fileOf('long.tar', archiveOf('lab/long:1', 1_000_000)));
    await press(page, 'Import');
    await giveToken(page);
    await page.waitForSelector('::-p-aria([name="Import of long.tar"][role="progressbar"])');
    await expect.poll(() => held.length).toBe(1);
    await press(page, 'Cancel long.tar');
    await page.waitForSelector('.upload', { hidden: true });
    const list = await page.evaluate(async () => (await fetch('/-/api/v1/registry/repositories')).text());
    expect(list).not.toContain('lab/long');
  });
});
