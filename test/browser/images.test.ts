// SPDX-License-Identifier: Apache-2.0
/** The table of images, copying, deleting, downloading, and how an image is used in EVE. */
import { createHash, randomBytes } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser, Page } from 'puppeteer-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { describeWith } from '../requirements.ts';
import { expectClean } from './clean-page.ts';
import {
  allowDownloads,
  type Datastore,
  fill,
  giveToken,
  launchBrowser,
  type OpenedPage,
  openPage,
  press,
  startDatastore,
  WRITE_TOKEN,
  waitForText,
} from './page-under-test.ts';

const sha256Of = (content: Buffer) => createHash('sha256').update(content).digest('hex');
const DISK = randomBytes(600 * 512);

/** What is pasted into the search field: the page's origin may not read the clipboard itself. */
async function readClipboard(page: Page): Promise<string> {
  await fill(page, 'Search images', '');
  await page.focus('input[type=search]');
  await page.keyboard.press('KeyV', { commands: ['Paste'] });
  const text = (await page.$eval('input[type=search]', (input) => input.value)) as string;
  await fill(page, 'Search images', '');
  return text;
}

/** Waits until the table holds just these images, in this order. */
async function expectNames(page: Page, names: readonly string[]): Promise<void> {
  const namesOf = () => page.$$eval('tbody th .path', (cells) => cells.map((cell) => cell.textContent ?? ''));
  await expect.poll(() => namesOf()).toEqual(names);
}
const focusedLabel = (page: Page) => page.evaluate('document.activeElement.getAttribute("aria-label")');

describeWith(['chromium'], 'the page', () => {
  let browser: Browser;
  let datastore: Datastore;
  let opened: OpenedPage;
  let page: Page;

  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(() => browser?.close());
  beforeEach(async () => {
    datastore = await startDatastore();
    opened = await openPage(browser, `${datastore.origin}/-/`);
    page = opened.page;
  });
  afterEach(async () => {
    expect(opened.errors).toEqual([]);
    await page.browserContext().close();
    await datastore.stop();
  });

  it('tells how to add the first image, and shows it without reloading', async () => {
    await waitForText(page, 'h2', 'No images yet');
    await waitForText(
      page,
      'pre',
      `curl -T disk.qcow2 -H "Authorization: Bearer TOKEN" ${datastore.origin}/`,
    );
    await datastore.put('linux/disk.img', DISK);
    await waitForText(page, 'tbody th', 'linux/disk.img');
    await waitForText(page, 'tbody td', sha256Of(DISK).slice(0, 8));
    await rm(join(datastore.root, 'linux'), { recursive: true });
    await waitForText(page, 'h2', 'No images yet');
  });

  it('sorts, and searches by name and digest', async () => {
    await datastore.put('small10.img', Buffer.alloc(10));
    await datastore.put('small9.img', Buffer.alloc(9));
    await datastore.put('disk.img', DISK);
    await expectNames(page, ['disk.img', 'small9.img', 'small10.img']);
    await page.locator('th.col-size button').click();
    await expectNames(page, ['small9.img', 'small10.img', 'disk.img']);
    await page.locator('th.col-size button').click();
    await expectNames(page, ['disk.img', 'small10.img', 'small9.img']);
    expect(await page.$eval('th.col-size', (head) => head.getAttribute('aria-sort'))).toBe('descending');
    await waitForText(page, 'tbody td', sha256Of(DISK).slice(0, 8));
    await fill(page, 'Search images', sha256Of(DISK).slice(5, 30));
    await expectNames(page, ['disk.img']);
    await fill(page, 'Search images', 'absent');
    await waitForText(page, 'p', 'No image matches');
  });

  it('copies the digest, on an origin to which the clipboard API is closed', async () => {
    await datastore.put('disk.img', DISK);
    expect(await page.evaluate('isSecureContext')).toBe(false);
    await press(page, 'Copy sha256 of disk.img');
    await waitForText(page, '[aria-live=polite]', 'sha256 of disk.img copied');
    expect(await readClipboard(page)).toBe(sha256Of(DISK));
  });

  it('copies the address by which a device is to ask', async () => {
    await datastore.put('linux/my disk.img', DISK);
    await press(page, 'Copy URL of linux/my disk.img');
    await waitForText(page, '[aria-live=polite]', 'URL of linux/my disk.img copied');
    const url = await readClipboard(page);
    expect(url).toBe(`${datastore.origin}/linux/my%20disk.img`);
    const size = `fetch(${JSON.stringify(url)}).then((answer) => answer.arrayBuffer()).then((body) => body.byteLength)`;
    expect(await page.evaluate(size)).toBe(DISK.length);
  });

  it('downloads by a link', async () => {
    await datastore.put('linux/my disk.img', DISK);
    const folder = await allowDownloads(page);
    await press(page, 'Download linux/my disk.img');
    await expect.poll(() => readFile(join(folder, 'my disk.img'))).toEqual(DISK);
    await rm(folder, { recursive: true });
  });

  it('deletes after a question, with the write token, which it asks for until it is right', async () => {
    await datastore.put('disk.img', DISK);
    await press(page, 'Delete disk.img');
    await waitForText(page, 'dialog h2', 'Delete this image?');
    await press(page, 'Keep it');
    expect(await focusedLabel(page)).toBe('Delete disk.img');

    await press(page, 'Delete disk.img');
    const isDisabled = "document.querySelector('dialog .button-danger-main').disabled";
    expect(await page.evaluate(isDisabled)).toBe(true);
    await press(page, 'Show what goes');
    await giveToken(page, 'short');
    await waitForText(page, '[role=alert]', 'at least 16 characters');
    await giveToken(page, 'not-the-write-token-of-this-one');
    await waitForText(page, '[role=alert]', 'did not accept this token');
    await giveToken(page);
    await waitForText(page, '.deletion-plan p', 'come free');
    await press(page, 'Delete');
    await waitForText(page, 'h2', 'No images yet');
    expect(await page.evaluate('JSON.stringify(sessionStorage)')).toContain(WRITE_TOKEN);
    expect(await page.evaluate('JSON.stringify(localStorage)')).not.toContain(WRITE_TOKEN);
    await press(page, 'Forget write token');
    expect(await page.evaluate('JSON.stringify(sessionStorage)')).not.toContain(WRITE_TOKEN);
  });

  it('remembers the write token on the device when asked to', async () => {
    await press(page, 'Write token…');
    await page.locator('dialog input[type=checkbox]').click();
    await giveToken(page);
    await page.reload();
    await page.waitForSelector('::-p-aria([name="Forget write token"])');
    expect(await page.evaluate('JSON.stringify(localStorage)')).toContain(WRITE_TOKEN);
  });

  it('says when the datastore cannot be reached, and goes on when it can', async () => {
    await datastore.put('disk.img', DISK);
    await waitForText(page, 'tbody th', 'disk.img');
    await datastore.kill();
    await waitForText(page, '[role=alert]', 'does not answer');
    await datastore.put('other.img', DISK);
    await datastore.startAgain();
    await waitForText(page, 'tbody th', 'other.img');
    expect(await page.$('[role=alert]')).toBeNull();
  });

  it('tells how to use an image in EVE, and copies it', async () => {
    await datastore.put('linux/disk.qcow2', DISK);
    await waitForText(page, 'tbody td', sha256Of(DISK).slice(0, 8));
    await press(page, '1 warning about linux/disk.qcow2');
    await waitForText(page, '.warnings', 'The name ends in ".qcow2", but the content is raw');
    await page.keyboard.press('Escape');
    await press(page, 'Use in EVE: linux/disk.qcow2');
    await waitForText(page, '.warnings', 'a port in the FQDN switches its multicast DNS off');
    await waitForText(page, '.warnings', 'Advertising is turned off');
    await waitForText(page, '.warnings', 'The name ends in ".qcow2", but the content is raw');
    await waitForText(page, 'dd', datastore.origin);
    await waitForText(page, 'dd', sha256Of(DISK));
    await press(page, 'Copy Size in bytes');
    await waitForText(page, '[aria-live=polite]', 'Size in bytes copied');

    await page.focus('[role=tab]');
    await page.keyboard.press('ArrowRight');
    expect(await page.evaluate('document.activeElement.textContent')).toBe('JSON');
    const json = JSON.parse((await page.$eval('.document pre', (pre) => pre.textContent)) ?? '') as unknown;
    expect(json).toMatchObject({
      datastores: [{ dType: 'DsHttp', fqdn: datastore.origin, dpath: '' }],
      contentInfo: [
        {
          URL: 'linux/disk.qcow2',
          iformat: 'RAW',
          sha256: sha256Of(DISK),
          maxSizeBytes: String(DISK.length),
        },
      ],
    });
    await page.keyboard.press('ArrowRight');
    await waitForText(page, '.document pre', '--datastoreOverride=');
    await press(page, 'Copy eden command');
    await waitForText(page, '[aria-live=polite]', 'eden command copied');
    await page.keyboard.press('Escape');
    expect(await focusedLabel(page)).toBe('Use in EVE: linux/disk.qcow2');
    expect(await readClipboard(page)).toBe(
      `eden volume create ${datastore.origin}/linux/disk.qcow2 --datastoreOverride=${datastore.origin} --format=raw -n disk.qcow2`,
    );
  });

  it('groups images by folder, and changes several at once', async () => {
    for (const path of ['root.img', 'a/1.img', 'a/2.img', 'a/3.img', 'b/1.img']) {
      await datastore.put(path, DISK);
    }
    await waitForText(page, '.folder-row', '3 images');
    await page.locator('.folder-name ::-p-text(b/)').click();
    await expectNames(page, ['root.img', 'a/1.img', 'a/2.img', 'a/3.img']);

    await press(page, 'Rename root.img');
    await fill(page, 'New name of root.img', 'a/1.img');
    await page.keyboard.press('Enter');
    await giveToken(page);
    await waitForText(page, 'tbody [role=alert]', 'exists already');
    await fill(page, 'New name of root.img', 'top.img');
    await page.keyboard.press('Enter');
    await expectNames(page, ['top.img', 'a/1.img', 'a/2.img', 'a/3.img']);

    await press(page, 'Select a/1.img');
    await page.keyboard.down('Shift');
    await press(page, 'Select a/3.img');
    await page.keyboard.up('Shift');
    await waitForText(page, '.selection', '3 images, 900 KiB selected');
    await press(page, 'Select a/1.img');
    const href = (await page.$eval('.selection a', (link) => link.getAttribute('href'))) ?? '';
    const archived = `fetch(${JSON.stringify(href)}).then((answer) => answer.text())`;
    expect(await page.evaluate(archived)).toContain(`${sha256Of(DISK)}  a/3.img\n`);

    await press(page, 'Move…');
    await fill(page, 'Folder (empty: the root)', 'c');
    await press(page, 'Show what moves');
    await waitForText(page, 'dialog p', 'a/3.img, 300 KiB: renamed to c/3.img.');
    await press(page, 'Move');
    await expectNames(page, ['top.img', 'a/1.img', 'c/2.img', 'c/3.img']);

    await press(page, 'Select all in c/');
    await press(page, 'Select top.img');
    await press(page, 'Delete…');
    await waitForText(page, '.deletion-plan p', 'c/3.img, 300 KiB: removed');
    await press(page, 'Delete');
    await expectNames(page, ['a/1.img']);
    await fill(page, 'Search images', '1.img');
    await expectNames(page, ['a/1.img', 'b/1.img']);
  });

  it('draws something of its document alone, as on a slow link', async () => {
    const { page } = await openPage(browser, 'about:blank');
    await page.setRequestInterception(true);
    // What is asked for besides is never answered.
    page.on('request', (request) => {
      if (request.isNavigationRequest()) void request.continue();
    });
    const opening = page.goto(`${datastore.origin}/-/`).catch(() => {});
    await page.waitForSelector('.skeleton');
    await expect
      .poll(() => page.evaluate("performance.getEntriesByName('first-contentful-paint').length"))
      .toBe(1);
    const { width, height } = (await (await page.$('.skeleton > div:last-child'))?.boundingBox()) ?? {};
    expect(Math.min(width ?? 0, height ?? 0)).toBeGreaterThan(200);
    await page.browserContext().close();
    await opening;
  });

  it('is read without JavaScript', async () => {
    await datastore.put('linux/<b>disk.img', DISK);
    await waitForText(page, 'tbody td', sha256Of(DISK).slice(0, 8));
    // What waits in a page waits by its scripts: with these it is looked at afterwards.
    await page.setJavaScriptEnabled(false);
    await page.goto(`${datastore.origin}/-/`);
    await expect.poll(() => page.url()).toBe(`${datastore.origin}/-/list`);
    await page.setJavaScriptEnabled(true);
    await page.goto(`${datastore.origin}/-/list`);
    await waitForText(page, 'tbody th bdi', 'linux/<b>disk.img');
    await waitForText(page, 'tbody code', `${datastore.origin}/linux/%3Cb%3Edisk.img`);
    await waitForText(page, 'tbody code', sha256Of(DISK));
    await waitForText(
      page,
      'pre',
      `curl -T disk.qcow2 -H "Authorization: Bearer TOKEN" ${datastore.origin}/`,
    );
    await expectClean(page, 'the list without JavaScript');
  });

  it('shows how far hashing is, and what is damaged', async () => {
    const image = {
      path: 'new.img',
      sizeBytes: 200,
      format: 'raw',
      virtualSizeBytes: 200,
      modified: '2026-02-03',
    };
    const images = [
      { ...image, sha256: null, state: 'hashing', isGrowing: false, hashedBytes: 83 },
      { ...image, path: 'half.img', sha256: null, state: 'hashing', isGrowing: true, hashedBytes: 0 },
      { ...image, path: 'old.img', sha256: 'ab'.repeat(32), state: 'corrupt', hashedBytes: 200 },
    ];
    await page.setRequestInterception(true);
    page.on('request', (request) => {
      if (!request.url().endsWith('/-/api/v1/images')) void request.continue();
      else void request.respond({ contentType: 'application/json', body: JSON.stringify({ images }) });
    });
    await waitForText(page, 'tr', 'Hashing 41 %');
    await waitForText(page, 'tr', 'Still growing');
    await waitForText(page, 'tbody th', 'damaged');
  });
});
