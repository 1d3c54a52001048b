// SPDX-License-Identifier: Apache-2.0
/** Images that a person has the datastore import, from a registry that does as the test says. */
import type { Browser, Page } from 'puppeteer-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { type HostileRegistry, startHostileRegistry } from '../integration/hostile-registry.ts';
import { describeWith } from '../requirements.ts';
import { expectClean } from './clean-page.ts';
import {
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

const LAYER_BYTES = 2_000_000;

describeWith(['chromium'], 'imports of the page', () => {
  let browser: Browser;
  let datastore: Datastore;
  let registry: HostileRegistry;
  let opened: OpenedPage;
  let page: Page;

  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(() => browser?.close());
  beforeEach(async () => {
    datastore = await startDatastore();
    registry = await startHostileRegistry(LAYER_BYTES);
    opened = await openPage(browser, `${datastore.origin}/-/#containers`);
    page = opened.page;
  });
  afterEach(async () => {
    expect(opened.errors).toEqual([]);
    await page.browserContext().close();
    await registry.close();
    await datastore.stop();
  });

  async function startImport(source: string, name: string): Promise<void> {
    await press(page, 'Import images');
    await fill(page, 'Image', source);
    await fill(page, 'Name here (empty: as it is called there)', name);
    await press(page, 'The registry speaks http, not https');
    await press(page, 'Import');
  }
  /** Half of the layer comes, and the rest when it is let go. */
  function holdLayer(): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    registry.onPath(registry.layer.path, async (_request, response) => {
      response.writeHead(200, { 'content-length': LAYER_BYTES });
      response.write(registry.layer.bytes.subarray(0, LAYER_BYTES / 2));
      await promise;
      response.end(registry.layer.bytes.subarray(LAYER_BYTES / 2));
    });
    return resolve;
  }

  it('shows how far an import is, and then what it brought', async () => {
    const letGo = holdLayer();
    await startImport(`${registry.host}/a:1`, 'lab/brought:7');
    await giveToken(page);
    await page.waitForSelector('::-p-aria([name="Import of lab/brought:7"][role="progressbar"])');
    await waitForText(page, '.imports', `docker://${registry.host}/a:1`);
    await expectClean(page, 'a running import');
    letGo();
    await waitForText(page, '.imports .badge', 'done');
    await page.locator('summary::-p-text(lab/brought)').click();
    await waitForText(page, 'td', `imported from ${registry.host}`);
    await press(page, 'Forget the import of lab/brought:7');
    await page.waitForSelector('.imports', { hidden: true });
  });

  it('says why one failed, and tries it again', async () => {
    registry.onRequest((_request, response) => {
      response.writeHead(403).end();
      return true;
    });
    await startImport(`docker pull ${registry.host}/a:1`, 'lab/late:1');
    await giveToken(page);
    await waitForText(page, '.imports', 'does not give image a:1 (403)');
    registry.onRequest(() => false);
    await press(page, 'Try again: lab/late:1');
    await waitForText(page, '.imports .badge', 'done');
  });

  it('cancels one', async () => {
    holdLayer();
    await startImport(`${registry.host}/a:1`, 'lab/given-up:1');
    await giveToken(page);
    await press(page, 'Cancel the import of lab/given-up:1');
    await waitForText(page, '.imports .badge', 'cancelled');
  });

  it('says what is wrong with a name, and keeps what was written', async () => {
    await startImport('registry.example/Lab/App:1', 'x');
    await giveToken(page);
    await waitForText(page, 'dialog [role=alert]', 'Repositories are named in lower case: use "lab/app".');
    const source = await page.$eval('dialog input[required]', (input) => (input as { value: string }).value);
    expect(source).toBe('registry.example/Lab/App:1');
  });

  it('opens a repository that a link leads to once it is there, also beside others', async () => {
    await startImport(`${registry.host}/a:1`, 'lab/first:1');
    await giveToken(page);
    await waitForText(page, 'summary', 'lab/first');
    await page.goto(`${datastore.origin}/-/#containers/lab/third`);
    await page.reload();
    await waitForText(page, 'p', 'No repository matches “lab/third”');
    const headers = { authorization: `Bearer ${WRITE_TOKEN}` };
    const address = `http://127.0.0.1:${new URL(datastore.origin).port}`;
    for (const name of ['lab/third-of-others:1', 'lab/third:1']) {
      await fetch(`${address}/-/api/v1/registry/imports`, {
        ...{ method: 'POST', headers },
        body: JSON.stringify({ source: `docker://${registry.host}/a:1`, as: name, insecure: true }),
      });
    }
    await page.waitForSelector('::-p-aria([name="Get lab/third:1"])');
  });
});
