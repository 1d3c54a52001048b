// SPDX-License-Identifier: Apache-2.0
/** The page of a datastore that is reached from elsewhere: what it tells clients is for that place. */
import type { Browser, Page } from 'puppeteer-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createRepositoryClient, someImage } from '../integration/registry-content.ts';
import {
  createDatastoreFolder,
  type DatastoreFolder,
  type LoopbackDatastore,
} from '../lab/loopback-datastore.ts';
import { describeWith } from '../requirements.ts';
import { launchBrowser, openPage, press, waitForText } from './page-under-test.ts';

const PUBLIC = 'images.example:8443';

describeWith(['chromium'], 'the page behind a proxy', () => {
  let browser: Browser;
  let place: DatastoreFolder;
  let datastore: LoopbackDatastore;
  let page: Page;
  let errors: readonly string[];

  beforeAll(async () => {
    browser = await launchBrowser();
    place = await createDatastoreFolder();
    datastore = await place.start('--host-name', 'ds', '--public-url', `https://${PUBLIC}`);
    ({ page, errors } = await openPage(browser, `${datastore.url}/-/#containers`));
  });
  afterAll(async () => {
    await browser?.close();
    await place?.remove();
  });

  it('names the public place wherever clients are told of one', async () => {
    await waitForText(page, 'pre', `docker push ${PUBLIC}/group/app:1`);
    await createRepositoryClient(datastore, 'lab/app').pushImage(someImage(), '1');
    await place.put('disk.img', 'content');
    await press(page, 'Connect a client');
    await waitForText(page, 'dialog p', `For ${PUBLIC} over HTTPS, as is said here`);
    await waitForText(page, 'dialog pre', `curl https://${PUBLIC}/v2/`);
    await page.keyboard.press('Escape');
    await page.locator('summary::-p-text(lab/app)').click();
    await press(page, 'Get lab/app:1');
    await waitForText(page, 'dialog pre', `docker pull ${PUBLIC}/lab/app:1`);
    await page.keyboard.press('Escape');
    await press(page, 'Use in EVE: lab/app:1');
    await waitForText(page, 'dialog pre', `eve-agent download docker://${PUBLIC}/lab/app:1`);
    await page.goto(`${datastore.url}/-/#images`);
    await page.reload();
    await press(page, 'Use in EVE: disk.img');
    await waitForText(page, 'dialog dd', `https://${PUBLIC}`);
    expect(errors).toEqual([]);
  });
});
