// SPDX-License-Identifier: Apache-2.0
/** The page of a datastore that has HTTPS too. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'puppeteer-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createAuthority } from '../lab/authorities.ts';
import { describeWith } from '../requirements.ts';
import { FULL_STATUS } from './full-status.ts';
import {
  type Datastore,
  launchBrowser,
  openPage,
  press,
  startDatastore,
  waitForText,
} from './page-under-test.ts';

describeWith(['chromium', 'openssl'], 'the page where TLS is on', () => {
  let browser: Browser;
  let datastore: Datastore;
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'datastore-page-tls-'));
    const { certificate, key } = await (await createAuthority(folder, 'lab')).issue(
      'ds.local',
      'DNS:ds.local',
    );
    datastore = await startDatastore('--tls-certificate', certificate, '--tls-key', key, '--tls-port', '0');
    browser = await launchBrowser();
    await datastore.put('disk.img', 'content');
  });
  afterAll(async () => {
    await browser?.close();
    await datastore?.stop();
    await rm(folder, { recursive: true });
  });

  it('gives the settings for EVE for either protocol', async () => {
    const { page, errors } = await openPage(browser, 'about:blank');
    await page.setRequestInterception(true);
    page.on('request', (request) => {
      if (!request.url().endsWith('/-/api/v1/status')) void request.continue();
      else void request.respond({ contentType: 'application/json', body: JSON.stringify(FULL_STATUS) });
    });
    await page.goto(`${datastore.origin}/-/`);
    await press(page, 'Use in EVE: disk.img');
    await waitForText(page, 'dd', 'http://ds.local:');
    await press(page, 'HTTPS');
    await waitForText(page, 'dd', 'https://ds.local:');
    await waitForText(page, 'dialog p', 'EVE has to trust the certificate');
    expect(errors).toEqual([]);
    await page.browserContext().close();
  });

  it('proposes the protocol by which the page was opened', async () => {
    const { page } = await openPage(browser, `${datastore.origin}/-/`);
    const { listeners } = (await page.evaluate(
      'fetch("/-/api/v1/status").then((answer) => answer.json())',
    )) as { listeners: { https: number } };
    const client = await page.createCDPSession();
    await client.send('Security.setIgnoreCertificateErrors', { ignore: true });
    await page.goto(`https://ds.local:${listeners.https}/-/`);
    await press(page, 'Use in EVE: disk.img');
    await waitForText(page, 'dd', 'https://ds.local:');
    await page.browserContext().close();
  });
});
