// SPDX-License-Identifier: Apache-2.0
/** What axe finds, in every view and dialog, in light and dark, on a wide and a narrow screen. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser } from 'puppeteer-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWith } from '../requirements.ts';
import { expectClean, SCREENS } from './clean-page.ts';
import { FULL_STATUS } from './full-status.ts';
import {
  chooseFiles,
  type Datastore,
  fill,
  giveToken,
  launchBrowser,
  openPage,
  press,
  startDatastore,
  waitForText,
} from './page-under-test.ts';

/** It is gone again before anybody looks. */
const LONG_NAME = `linux/${'b-long-name-'.repeat(6)}arm64.qcow2`;

describeWith(['chromium'], 'accessibility of the page', () => {
  let browser: Browser;
  let empty: Datastore;
  let filled: Datastore;

  beforeAll(async () => {
    browser = await launchBrowser();
    [empty, filled] = await Promise.all([startDatastore(), startDatastore()]);
    await filled.put(`linux/${'a-long-name-'.repeat(6)}amd64.qcow2`, 'x');
    await filled.put('disk.img.gz', Buffer.alloc(10 * 512));
    const { request } = filled.at;
    await request('PUT', `/${LONG_NAME}`, { body: 'content' });
    const wish = JSON.stringify({ image: LONG_NAME, to: `old/${LONG_NAME}` });
    await request('POST', '/-/api/v1/operations/rename', { body: wish });
    await request('DELETE', `/old/${LONG_NAME}`);
    await request('DELETE', '/disk.img.gz', { withToken: false });
  });
  afterAll(async () => {
    await browser?.close();
    await empty?.stop();
    await filled?.stop();
  });

  it.each(SCREENS)('%s: the empty state', async (_, view) => {
    const { page } = await openPage(browser, `${empty.origin}/-/`, view);
    await waitForText(page, 'h2', 'No images yet');
    await expectClean(page, 'empty state');
    await page.browserContext().close();
  });

  it.each(SCREENS)('%s: images, dialogs and uploads', async (_, view) => {
    const { page } = await openPage(browser, `${filled.origin}/-/`, view);
    await waitForText(page, 'tbody th', 'disk.img.gz');
    await press(page, 'Select disk.img.gz');
    await waitForText(page, '.selection', '1 image');
    await expectClean(page, 'images, one of them selected');
    await press(page, 'Clear');

    await press(page, 'Use in EVE: disk.img.gz');
    await waitForText(page, '.warnings', 'compressed');
    await expectClean(page, 'Use in EVE');
    await page.locator('[role=tab]::-p-text(JSON)').click();
    await waitForText(page, '.document', 'contentInfo');
    await expectClean(page, 'Use in EVE, JSON');
    await press(page, 'Close');

    await press(page, 'Delete disk.img.gz');
    await waitForText(page, 'dialog h2', 'Delete this image?');
    await expectClean(page, 'delete');
    await press(page, 'Keep it');

    const file = join(filled.root, '.other.img');
    await writeFile(file, 'content');
    await chooseFiles(page, 'input[type=file]', file);
    await waitForText(page, 'dialog h2', 'Upload a file');
    await expectClean(page, 'upload');
    await press(page, 'Upload');
    await waitForText(page, 'dialog h2', 'Write token');
    await giveToken(page, 'short');
    await waitForText(page, '[role=alert]', 'at least 16 characters');
    await expectClean(page, 'write token');
    await giveToken(page);
    // The name is refused, which shows a failure too.
    await waitForText(page, '.upload-failed', 'begin with a dot');
    await expectClean(page, 'uploads');

    await page.evaluate("location.hash = 'log'");
    await waitForText(page, '.log-line', 'listening');
    await fill(page, 'Search the log', 'listening port=');
    await waitForText(page, '.count', '1 line');
    await expectClean(page, 'log');
    await page.locator('[role=tab]::-p-text(Changes)').click();
    await waitForText(page, '.changes tbody th', LONG_NAME);
    await expectClean(page, 'changes');
    await fill(page, 'Name of an image', 'DISK.img');
    await waitForText(page, '.count', '1 change');
    await waitForText(page, '.changes td', 'refused');
    await expectClean(page, 'changes that were looked for');
    await page.browserContext().close();
  });

  it('dark, narrow: a page of the manual, to which the page leads', async () => {
    const { page, errors } = await openPage(browser, `${empty.origin}/-/`, { width: 390, scheme: 'dark' });
    await press(page, 'Manual');
    await waitForText(page, 'h1', 'datastore-app');
    await page.locator('#pages a::-p-text(HTTPS)').click();
    await waitForText(page, 'h1', 'HTTPS');
    await expectClean(page, 'a page of the manual');
    await press(page, 'Web page');
    await waitForText(page, 'h2', 'No images yet');
    expect(errors).toEqual([]);
    await page.browserContext().close();
  });

  it.each(SCREENS)('%s: the status with all its parts', async (_, view) => {
    const { page } = await openPage(browser, 'about:blank', view);
    await page.setRequestInterception(true);
    page.on('request', (request) => {
      if (!request.url().endsWith('/-/api/v1/status')) void request.continue();
      else void request.respond({ contentType: 'application/json', body: JSON.stringify(FULL_STATUS) });
    });
    await page.goto(`${filled.origin}/-/#status`);
    await waitForText(page, '[role=status]', '10.1.0.9 uses the name ds.local');
    for (const [selector, text] of [
      ['dd', 'HTTP 80, HTTPS 443'],
      ['dd', '37.3 GiB of 93.1 GiB'],
      ['dd', '3 February 2027'],
      ['.card a', 'ca.pem, for EVE'],
      ['.badge', 'name conflict'],
      ['td', '286 MiB of 954 MiB'],
      ['.badge', 'broken off at 1000 bytes'],
      ['td', "a doctor's probe"],
      ['th[scope=rowgroup]', '10.1.0.1 on bn1'],
      ['th.path', '_http._tcp.local'],
      ['td.number', '3'],
      ['footer a[href="/-/metrics"]', 'Metrics'],
    ] as const) {
      await waitForText(page, selector, text);
    }
    await expectClean(page, 'status');
    await page.browserContext().close();
  });
});
