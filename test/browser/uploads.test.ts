// SPDX-License-Identifier: Apache-2.0
/** Uploads from the page to the real datastore: their way through breaks of every kind. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'puppeteer-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { describeWith } from '../requirements.ts';
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
  WRITE_TOKEN,
  waitForText,
} from './page-under-test.ts';

/** Large enough, and the line slow enough, that something can happen meanwhile. */
const LARGE = randomBytes(24 * 1024 * 1024);
const SLOW_BYTES_PER_SECOND = 6 * 1024 * 1024;
const SMALL = randomBytes(50_000);

const sha256Of = (content: Buffer) => createHash('sha256').update(content).digest('hex');

describeWith(['chromium'], 'uploads from the page', () => {
  let browser: Browser;
  let datastore: Datastore;
  let opened: OpenedPage;
  let page: Page;
  let folder: string;
  /** `Upload-Offset` of every PATCH that the page has sent. */
  let offsets: number[];

  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(() => browser?.close());
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'datastore-upload-'));
    datastore = await startDatastore();
    opened = await openPage(browser, `${datastore.origin}/-/`);
    page = opened.page;
    offsets = [];
    page.on('request', (request) => {
      if (request.method() === 'PATCH') offsets.push(Number(request.headers()['upload-offset']));
    });
    await waitForText(page, 'h2', 'No images yet');
  });
  afterEach(async () => {
    expect(opened.errors).toEqual([]);
    await page.browserContext().close();
    await datastore.stop();
    await rm(folder, { recursive: true });
  });

  async function file(name: string, content: Buffer): Promise<string> {
    await writeFile(join(folder, name), content);
    return join(folder, name);
  }

  async function choose(label: string, ...files: readonly string[]): Promise<void> {
    await chooseFiles(page, `input[aria-label="${label}"]`, ...files);
  }

  async function slowDown(bytesPerSecond: number): Promise<void> {
    const client = await page.createCDPSession();
    await client.send('Network.enable');
    await client.send('Network.emulateNetworkConditions', {
      offline: false,
      latency: 0,
      downloadThroughput: -1,
      uploadThroughput: bytesPerSecond,
    });
  }

  /** Begins a large upload on a slow line, and returns when a part of it has gone. */
  async function beginSlowly(...paths: readonly string[]): Promise<void> {
    await slowDown(SLOW_BYTES_PER_SECOND);
    await choose('Files to upload', ...paths);
    await press(page, 'Upload');
    await giveToken(page);
    // Only after some time the page knows how fast it goes.
    await waitForText(page, '.upload', '/s · ');
  }

  /** The page hears of no other image from now on. */
  async function blockImageList(): Promise<void> {
    await page.setRequestInterception(true);
    page.on('request', (request) => {
      void (request.url().endsWith('/-/api/v1/images') ? request.abort() : request.continue());
    });
  }

  const stored = (path: string) => readFile(join(datastore.root, path));
  const listed = () =>
    fetch(`${datastore.origin.replace('ds.local', '127.0.0.1')}/-/api/v1/uploads`, {
      headers: { Authorization: `Bearer ${WRITE_TOKEN}` },
    }).then(async (response) => ((await response.json()) as { uploads: { path: string }[] }).uploads);

  it('puts several files into a folder, and shows them', async () => {
    const files = [await file('a.img', SMALL), await file('my disk.img', LARGE)];
    await choose('Files to upload', ...files);
    await waitForText(page, 'dialog h2', 'Upload 2 files');
    await fill(page, 'Folder (empty: the root)', '/linux/base/');
    await press(page, 'Upload');
    await giveToken(page);
    await waitForText(page, 'tbody th', 'linux/base/a.img');
    await waitForText(page, 'tbody th', 'linux/base/my disk.img');
    expect(await stored('linux/base/a.img')).toEqual(SMALL);
    expect(sha256Of(await stored('linux/base/my disk.img'))).toBe(sha256Of(LARGE));
    await waitForText(page, '.upload-done', 'my disk.img');
    await press(page, 'Dismiss linux/base/my disk.img');
    await page.waitForSelector('.upload-done::-p-text(my disk.img)', { hidden: true });
  });

  it('takes files and folders that are dropped', async () => {
    const client = await page.createCDPSession();
    await mkdir(join(folder, 'linux/base'), { recursive: true });
    await file('linux/base/below.img', SMALL);
    const files = [await file('dropped.img', SMALL), join(folder, 'linux')];
    const data = { items: [], files, dragOperationsMask: 1 };
    const at = { x: 300, y: 300, data };
    await client.send('Input.dispatchDragEvent', { type: 'dragEnter', ...at });
    await waitForText(page, '.drop', 'Drop to upload');
    await client.send('Input.dispatchDragEvent', { type: 'dragOver', ...at });
    await client.send('Input.dispatchDragEvent', { type: 'drop', ...at });
    await press(page, 'Upload');
    await giveToken(page);
    await waitForText(page, 'tbody th', 'dropped.img');
    expect(await stored('dropped.img')).toEqual(SMALL);
    await waitForText(page, 'tbody th', 'linux/base/below.img');
    expect(await stored('linux/base/below.img')).toEqual(SMALL);
  });

  it('asks before it replaces, also when the image came meanwhile', async () => {
    await datastore.put('a.img', 'old');
    await waitForText(page, 'tbody th', 'a.img');
    const path = await file('a.img', SMALL);
    await choose('Files to upload', path);
    await waitForText(page, 'dialog', 'An image of this name exists');
    await waitForText(page, 'dialog', '0 of 1 will be uploaded');
    expect(await page.$('dialog button[type=submit]:disabled')).not.toBeNull();
    await page.locator('dialog input[type=checkbox]').click();
    await press(page, 'Upload');
    await giveToken(page);
    await waitForText(page, '.upload-done', 'a.img');
    expect(await stored('a.img')).toEqual(SMALL);

    await choose('Files to upload', await file('b.img', SMALL));
    await waitForText(page, 'dialog', 'b.img');
    await blockImageList();
    await datastore.put('b.img', 'old');
    await press(page, 'Upload');
    await waitForText(page, '.upload', 'exists already');
    expect((await stored('b.img')).toString()).toBe('old');
    await press(page, 'Replace');
    await waitForText(page, '.upload-done', 'b.img');
    expect(await stored('b.img')).toEqual(SMALL);
  });

  it('has the datastore check a promised sha256', async () => {
    const path = await file('a.img', SMALL);
    const label = 'Expected sha256 (optional: what arrives is checked against it)';
    await choose('Files to upload', path);
    await fill(page, label, 'abc');
    await waitForText(page, '[role=alert]', '64 hexadecimal digits');
    await fill(page, label, 'ab'.repeat(32));
    await press(page, 'Upload');
    await giveToken(page);
    await waitForText(page, '.upload-failed', sha256Of(SMALL));
    await press(page, 'Cancel a.img');

    await choose('Files to upload', path);
    await fill(page, label, sha256Of(SMALL));
    await press(page, 'Upload');
    await waitForText(page, '.upload-done', 'a.img');
  });

  it('pauses, and goes on from there', async () => {
    await beginSlowly(await file('large.img', LARGE));
    await press(page, 'Pause large.img');
    await waitForText(page, '.upload-paused', 'paused');
    await slowDown(-1);
    await press(page, 'Resume large.img');
    await waitForText(page, '.upload-done', 'large.img');
    expect(offsets.at(-1)).toBeGreaterThan(0);
    expect(sha256Of(await stored('large.img'))).toBe(sha256Of(LARGE));
  });

  it('goes on by itself when the datastore was killed and comes back', async () => {
    await beginSlowly(await file('large.img', LARGE));
    await datastore.kill();
    await waitForText(page, '.upload-retrying', 'interrupted, trying again');
    await slowDown(-1);
    await datastore.startAgain();
    await waitForText(page, '.upload-done', 'large.img');
    expect(offsets.at(-1)).toBeGreaterThan(0);
    expect(sha256Of(await stored('large.img'))).toBe(sha256Of(LARGE));
  });

  it('goes on after a reload, with the same file alone', async () => {
    const path = await file('large.img', LARGE);
    await beginSlowly(path);
    await page.reload();
    await slowDown(-1);
    await waitForText(page, '.upload', 'choose the file again to go on');
    await choose('File to go on with large.img', await file('other.img', SMALL));
    await waitForText(page, '.upload .failure', 'is not the file this upload was begun with');
    await choose('File to go on with large.img', path);
    await waitForText(page, '.upload-done', 'large.img');
    expect(offsets.at(-1)).toBeGreaterThan(0);
    expect(sha256Of(await stored('large.img'))).toBe(sha256Of(LARGE));
    await page.reload();
    await waitForText(page, 'tbody th', 'large.img');
    expect(await page.$('.upload')).toBeNull();
  });

  it('pauses all, and after a reload goes on with all by one choice', async () => {
    const paths = [await file('large.img', LARGE), await file('other.img', LARGE)];
    await beginSlowly(...paths);
    await expect.poll(() => offsets).toEqual([0, 0]);
    await waitForText(page, '.uploads-head', 'of 48 MiB · ');
    await press(page, 'Pause all');
    await page.waitForSelector('.upload-paused ~ .upload-paused');
    await page.reload();
    await slowDown(-1);
    await press(page, 'Choose files again');
    await choose('Files to go on with', paths[0] ?? '', await file('else.img', SMALL));
    await waitForText(page, '.panel [role=alert]', 'other.img was begun with');
    await waitForText(page, '.upload-done', 'large.img');
    await choose('File to go on with other.img', paths[1] ?? '');
    await waitForText(page, '.upload-done', 'other.img');
    expect(Math.min(...offsets.slice(2))).toBeGreaterThan(0);
    expect(sha256Of(await stored('other.img'))).toBe(sha256Of(LARGE));
  });

  it('cancels, here and at the datastore', async () => {
    await beginSlowly(await file('large.img', LARGE));
    expect(await listed()).toHaveLength(1);
    await press(page, 'Cancel large.img');
    await expect.poll(() => listed()).toEqual([]);
    expect(await page.$('.upload')).toBeNull();
    await page.reload();
    await waitForText(page, 'h2', 'No images yet');
    expect(await page.$('.upload')).toBeNull();
  });

  it('discards what a reload left behind', async () => {
    await beginSlowly(await file('large.img', LARGE));
    await page.reload();
    await press(page, 'Discard large.img');
    await expect.poll(() => listed()).toEqual([]);
    await page.reload();
    await waitForText(page, 'h2', 'No images yet');
    expect(await page.$('.upload')).toBeNull();
  });

  it('asks for the token again when it is wrong, and goes on', async () => {
    await choose('Files to upload', await file('a.img', SMALL));
    await press(page, 'Upload');
    await giveToken(page, 'not-the-write-token-of-this-one');
    await waitForText(page, 'dialog [role=alert]', 'did not accept this token');
    await giveToken(page);
    await waitForText(page, '.upload-done', 'a.img');
    expect(await stored('a.img')).toEqual(SMALL);
  });

  it('says what is wrong with a name', async () => {
    await choose('Files to upload', await file('a.img', SMALL));
    await fill(page, 'Folder (empty: the root)', '.hidden');
    await press(page, 'Upload');
    await giveToken(page);
    await waitForText(page, '.upload-failed', 'begin with a dot');
  });
});
