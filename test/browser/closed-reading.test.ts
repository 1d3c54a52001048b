// SPDX-License-Identifier: Apache-2.0
/** The page of a datastore that lets only those read who have its credential. */
import { randomBytes } from 'node:crypto';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser } from 'puppeteer-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { soundQcow2 } from '../../datastore-app/src/formats/testing/sound-images.ts';
import { contentOf, createRepositoryClient, someImage } from '../integration/registry-content.ts';
import { describeWith } from '../requirements.ts';
import {
  allowDownloads,
  type Datastore,
  dismissCredentialDialogs,
  fill,
  launchBrowser,
  openPage,
  press,
  startDatastore,
  waitForText,
} from './page-under-test.ts';

const DISK = randomBytes(100_000);
const PASSWORD = 'read-password-1';

describeWith(['chromium'], 'the page where reading is closed', () => {
  let browser: Browser;
  let datastore: Datastore;

  beforeAll(async () => {
    browser = await launchBrowser();
    datastore = await startDatastore('--read-password', PASSWORD);
    await datastore.put('disk.img', DISK);
  });
  afterAll(async () => {
    await browser?.close();
    await datastore?.stop();
  });

  it('asks for the credential until it is right, and then downloads by link too', async () => {
    const { page, errors } = await openPage(browser, `${datastore.origin}/-/`);
    await waitForText(page, 'dialog h2', 'Read credential');
    await press(page, 'Cancel');
    await waitForText(page, '[role=status]', 'Reading needs a credential here.');
    await press(page, 'Enter it');
    await fill(page, 'Password', 'wrong-password');
    await press(page, 'Sign in');
    await waitForText(page, '[role=alert]', 'did not accept this name and password');
    await fill(page, 'Password', PASSWORD);
    await press(page, 'Sign in');
    await waitForText(page, 'tbody th', 'disk.img');

    const folder = await allowDownloads(page);
    await press(page, 'Download disk.img');
    await expect.poll(() => readFile(join(folder, 'disk.img'))).toEqual(DISK);
    await rm(folder, { recursive: true });

    await page.reload();
    await waitForText(page, 'tbody th', 'disk.img');

    await page.locator('nav a::-p-text(Containers)').click();
    await waitForText(page, 'h2', 'No containers yet');
    await page.locator('nav a::-p-text(Images)').click();
    await waitForText(page, 'tbody th', 'disk.img');

    await dismissCredentialDialogs(page);
    // What the page was told must not be with the browser: a link without a ticket is refused.
    const withoutTicket = () =>
      page.evaluate(async () => (await fetch('/disk.img', { credentials: 'include' })).status);
    expect(await withoutTicket()).toBe(401);

    await press(page, 'Sign out');
    await waitForText(page, 'dialog h2', 'Read credential');
    await page.waitForSelector('tbody', { hidden: true });
    expect(await page.evaluate(() => [sessionStorage.length, localStorage.length])).toEqual([0, 0]);
    expect(await withoutTicket()).toBe(401);
    expect(errors).toEqual([]);
    expect(datastore.log()).not.toContain(PASSWORD);
    await page.browserContext().close();
  });

  it('asks for the credential also where the page is drawn long after it was answered', async () => {
    const { page, errors } = await openPage(browser, 'about:blank');
    await page.evaluateOnNewDocument(`{
      const wait = setTimeout;
      setTimeout = (work, ms = 0, ...rest) => wait(work, ms + 2000, ...rest);
      requestAnimationFrame = (work) => wait(() => work(performance.now()), 2000);
    }`);
    await page.goto(`${datastore.origin}/-/`);
    await waitForText(page, 'dialog h2', 'Read credential');
    expect(errors).toEqual([]);
    await page.browserContext().close();
  });

  it('downloads a disk of the registry by link, too', async () => {
    const repository = createRepositoryClient(datastore.at, 'lab/disk');
    const disk = contentOf(soundQcow2(), 'application/x-qcow2');
    await repository.pushImage(someImage({ layers: [disk] }), 'v1');
    const { page, errors } = await openPage(browser, `${datastore.origin}/-/`);
    await fill(page, 'Password', PASSWORD);
    await press(page, 'Sign in');
    await waitForText(page, 'tbody th', 'oci:lab/disk:v1');
    const folder = await allowDownloads(page);
    await press(page, 'Download oci:lab/disk:v1');
    const files = async () => (await readdir(folder)).filter((name) => !name.endsWith('.crdownload'));
    await expect.poll(files).toHaveLength(1);
    const [name = ''] = await files();
    expect(await readFile(join(folder, name))).toEqual(soundQcow2());
    await rm(folder, { recursive: true });
    await dismissCredentialDialogs(page);
    const direct = () => page.evaluate(async () => (await fetch('/oci:lab/disk:v1')).status);
    expect(await direct()).toBe(401);
    expect(errors).toEqual([]);
    await page.browserContext().close();
  });
});
