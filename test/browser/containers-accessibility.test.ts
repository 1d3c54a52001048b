// SPDX-License-Identifier: Apache-2.0
/** What axe finds in the containers, with something of everything, and in their dialogs. */
import type { Browser, Page } from 'puppeteer-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWith } from '../requirements.ts';
import { expectClean, SCREENS } from './clean-page.ts';
import { answerOfFullRegistry } from './full-registry.ts';
import {
  type Datastore,
  launchBrowser,
  openPage,
  type PageView,
  press,
  startDatastore,
  waitForText,
} from './page-under-test.ts';

type Answers = (url: string) => { contentType: string; body: string; status?: number } | undefined;

describeWith(['chromium'], 'accessibility of the containers', () => {
  let browser: Browser;
  let datastore: Datastore;

  beforeAll(async () => {
    browser = await launchBrowser();
    datastore = await startDatastore();
  });
  afterAll(async () => {
    await browser?.close();
    await datastore?.stop();
  });

  /** The page of the real datastore, whose registry answers so. */
  async function openContainers(view: PageView, answerOf: Answers): Promise<Page> {
    const { page, errors } = await openPage(browser, 'about:blank', view);
    await page.setRequestInterception(true);
    page.on('request', (request) => {
      const answer = answerOf(request.url());
      if (answer === undefined) void request.continue();
      else void request.respond(answer);
    });
    await page.goto(`${datastore.origin}/-/#containers`);
    expect(errors).toEqual([]);
    return page;
  }

  it.each(SCREENS)('%s: none, and a failure', async (_, view) => {
    let isFailing = false;
    const page = await openContainers(view, (url) => {
      if (!url.includes('/registry/repositories')) return answerOfFullRegistry(url);
      return isFailing
        ? {
            ...{ status: 404, contentType: 'application/problem+json' },
            body: '{"status":404,"detail":"The registry is off (--registry)."}',
          }
        : { contentType: 'application/json', body: '{"repositories":[],"isMore":false}' };
    });
    await waitForText(page, 'h2', 'No containers yet');
    await expectClean(page, 'no containers');
    isFailing = true;
    await waitForText(page, '[role=alert]', 'cannot be shown: The registry is off');
    await expectClean(page, 'a failure');
    await page.browserContext().close();
  });

  it.each(SCREENS)('%s: repositories and their dialogs', async (_, view) => {
    const page = await openContainers(view, answerOfFullRegistry);
    await waitForText(page, 'summary', 'lab/app');
    await expectClean(page, 'closed repositories');
    for (const name of ['lab/app', 'lab/a-long', 'archives/linux/cam', 'hub/library/nginx']) {
      await page.locator(`summary::-p-text(${name})`).click();
    }
    await waitForText(page, 'tr', 'not all here');
    await waitForText(page, 'tr', 'released');
    await waitForText(page, '.external', 'not here yet');
    await waitForText(page, 'td', 'its certificate has expired');
    await waitForText(page, '.hashing', '19.1 MiB of 47.7 MiB');
    await waitForText(page, '.hashing', '28.6 MiB of 76.3 MiB');
    await waitForText(page, '.imports', 'it wants a credential');
    await expectClean(page, 'open repositories');

    await press(page, 'Import images');
    await page.waitForSelector('dialog input');
    await expectClean(page, 'import an image');
    await press(page, 'Close');

    await press(page, 'Get lab/app:latest');
    await waitForText(page, 'dialog a', 'Docker archive, linux/amd64');
    await expectClean(page, 'pull and export');
    await press(page, 'Close');
    await press(page, 'Get hub/library/nginx:stable');
    await waitForText(page, 'dialog th', '2 (now)');
    await expectClean(page, 'versions');
    await press(page, 'Close');
    await press(page, 'Use in EVE: lab/app:latest');
    await waitForText(page, '.warnings', 'Stock EVE cannot launch this container');
    await expectClean(page, 'a container in EVE');
    await press(page, 'Close');
    await press(page, 'Use in EVE: lab/app:disk');
    await waitForText(page, 'dd', 'v2/lab/app/blobs/sha256:8989');
    await expectClean(page, 'a disk in EVE');
    await press(page, 'Close');
    await press(page, 'Delete lab/app:latest');
    await waitForText(page, 'dialog h2', 'Delete from this repository?');
    await expectClean(page, 'delete');
    await press(page, 'Keep it');
    await press(page, 'Connect a client');
    await waitForText(page, 'dialog pre', 'insecure-registries');
    await expectClean(page, 'connect a client');
    await page.browserContext().close();
  });
});
