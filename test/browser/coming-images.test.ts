// SPDX-License-Identifier: Apache-2.0
/** Images that are not here yet: what the page shows of them, and how one is fetched there. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'puppeteer-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  type FileServer,
  startFileServer,
} from '../../datastore-app/src/upstream/images/testing/file-server.ts';
import { describeWith } from '../requirements.ts';
import {
  type Datastore,
  giveToken,
  launchBrowser,
  openPage,
  press,
  startDatastore,
  WRITE_TOKEN,
  waitForText,
} from './page-under-test.ts';

describeWith(['chromium'], 'images that can come', () => {
  let browser: Browser;
  let datastore: Datastore;
  let server: FileServer;
  let folder: string;
  const disk = randomBytes(2 << 20);

  beforeAll(async () => {
    server = await startFileServer();
    server.files.set('/linux/disk.qcow2', disk);
    server.files.set('/linux/gone.img', randomBytes(10));
    server.files.set('/SHA256SUMS', server.checksums('/', 'linux/disk.qcow2', 'linux/gone.img'));
    folder = await mkdtemp(join(tmpdir(), 'coming-images-'));
    const upstreams = join(folder, 'upstreams.yaml');
    await writeFile(upstreams, `version: 1\nimages:\n  - { prefix: hub, url: "${server.origin}" }\n`);
    datastore = await startDatastore('--upstreams', upstreams);
    await datastore.put('here.img', randomBytes(512));
    browser = await launchBrowser();
  });
  afterAll(async () => {
    await browser?.close();
    await datastore?.stop();
    await server?.stop();
    await rm(folder, { recursive: true });
  });

  it('are marked, fetched at a press, and say why they do not come', async () => {
    const { page, errors } = await openPage(browser, `${datastore.origin}/-/`);
    await waitForText(page, '.count', '; 2 more can come');
    await waitForText(page, 'tbody tr:nth-child(2)', 'not here yet');
    server.files.delete('/linux/gone.img');
    await press(page, 'Fetch now: hub/linux/gone.img');
    await giveToken(page, WRITE_TOKEN);
    await waitForText(page, '[role=alert]', 'has no image linux/gone.img');
    let goOn = () => {};
    server.answers.push((_request, response, content) => {
      response.writeHead(200, { 'content-length': content.length });
      response.write(content.subarray(0, 1 << 20));
      goOn = () => response.end(content.subarray(1 << 20));
    });
    await press(page, 'Fetch now: hub/linux/disk.qcow2');
    await waitForText(page, 'tbody tr', 'Fetching 50 %');
    goOn();
    await waitForText(page, '.count', '; 1 more can come');
    expect(await readFile(join(datastore.root, 'hub/linux/disk.qcow2'))).toEqual(disk);
    expect(errors).toEqual([]);
    await page.browserContext().close();
  });
});
