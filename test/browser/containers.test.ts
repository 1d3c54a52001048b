// SPDX-License-Identifier: Apache-2.0
/** The containers of a real registry, which skopeo filled: shown, pulled, exported, used, deleted and collected. */
import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Browser, Page } from 'puppeteer-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { createImageLayout, type ImageLayout } from '../lab/image-layouts.ts';
import { describeWith } from '../requirements.ts';
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

const run = promisify(execFile);
const sha256Of = (content: Buffer) => `sha256:${createHash('sha256').update(content).digest('hex')}`;
const DISK = randomBytes(4096);

describeWith(['chromium', 'skopeo'], 'the containers of the page', () => {
  let browser: Browser;
  let folder: string;
  let layout: ImageLayout;
  let datastore: Datastore;
  let address: string;
  let opened: OpenedPage;
  let page: Page;

  beforeAll(async () => {
    browser = await launchBrowser();
    folder = await mkdtemp(join(tmpdir(), 'page-containers-'));
    layout = await createImageLayout(join(folder, 'layout'));
    const amd64 = await layout.addImage({ layers: [randomBytes(1000)] }, 'one');
    const arm64 = await layout.addImage({ layers: [randomBytes(2000)], architecture: 'arm64' });
    await layout.addIndex({ amd64, arm64 }, 'both');
    await run('skopeo', ['copy', `oci:${layout.folder}:one`, `docker-archive:${folder}/cam.tar:cam:7`]);
  });
  afterAll(async () => {
    await browser?.close();
    await rm(folder, { recursive: true });
  });
  beforeEach(async () => {
    datastore = await startDatastore();
    address = `127.0.0.1:${new URL(datastore.origin).port}`;
    opened = await openPage(browser, `${datastore.origin}/-/#containers`);
    page = opened.page;
  });
  afterEach(async () => {
    expect(opened.errors).toEqual([]);
    await page.browserContext().close();
    await datastore.stop();
  });

  const push = (image: string, name: string) =>
    run('skopeo', [
      ...['copy', '--all', '--dest-tls-verify=false', '--dest-creds', `admin:${WRITE_TOKEN}`],
      ...[`oci:${layout.folder}:${image}`, `docker://${address}/${name}`],
    ]);

  async function send(method: string, path: string, body: Buffer, mediaType: string): Promise<void> {
    const headers = { authorization: `Bearer ${WRITE_TOKEN}`, 'content-type': mediaType };
    const answer = await fetch(`http://${address}${path}`, { method, headers, body: new Uint8Array(body) });
    expect(answer.status).toBe(201);
  }

  /** A disk as an artifact of one layer, as `oras push` makes it. */
  async function pushDisk(repository: string, tag: string): Promise<void> {
    const config = Buffer.from('{}');
    const [configDigest, diskDigest] = [config, DISK].map(sha256Of);
    for (const blob of [config, DISK]) {
      const path = `/v2/${repository}/blobs/uploads/?digest=${sha256Of(blob)}`;
      await send('POST', path, blob, 'application/octet-stream');
    }
    const mediaType = 'application/vnd.oci.image.manifest.v1+json';
    const manifest = {
      ...{ schemaVersion: 2, mediaType, artifactType: 'application/vnd.example.disk' },
      config: { mediaType: 'application/vnd.oci.empty.v1+json', digest: configDigest, size: config.length },
      layers: [{ mediaType: 'application/octet-stream', digest: diskDigest, size: DISK.length }],
    };
    const path = `/v2/${repository}/manifests/${tag}`;
    await send('PUT', path, Buffer.from(JSON.stringify(manifest)), mediaType);
  }

  const openRepository = (name: string) => page.locator(`summary::-p-text(${name})`).click();

  it('tells how to push the first image, and shows it without reloading', async () => {
    await waitForText(page, 'h2', 'No containers yet');
    const { host } = new URL(datastore.origin);
    await waitForText(page, 'pre', `docker push ${host}/group/app:1`);
    await push('both', 'lab/app:1');
    await openRepository('lab/app');
    await waitForText(page, 'tbody td', 'linux/amd64, linux/arm64');
    const pushed = await fetch(`http://${address}/v2/lab/app/manifests/1`);
    const digest = pushed.headers.get('docker-content-digest') ?? '';
    await waitForText(page, 'tbody td', digest.slice('sha256:'.length).slice(0, 8));
    await press(page, 'Copy digest of lab/app:1');
    await waitForText(page, '[aria-live=polite]', 'digest of lab/app:1 copied');
  });

  it('finds by name, and opens what alone is found', async () => {
    await push('one', 'lab/app:1');
    await push('one', 'lab/other:2');
    await waitForText(page, 'summary', 'lab/app');
    await waitForText(page, 'summary', 'lab/other');
    await fill(page, 'Search repositories', 'OTHER');
    await page.waitForSelector('::-p-aria([name="Get lab/other:2"])');
    await fill(page, 'Search repositories', 'absent');
    await waitForText(page, 'p', 'No repository matches');
  });

  it('shows the commands for just this address, and exports', async () => {
    await push('both', 'lab/app:1');
    await openRepository('lab/app');
    await press(page, 'Get lab/app:1');
    const { host } = new URL(datastore.origin);
    await waitForText(page, 'dialog pre', `docker pull ${host}/lab/app:1`);
    await page.focus('[role=tab]');
    await page.keyboard.press('ArrowRight');
    await waitForText(page, 'dialog pre', `podman pull --tls-verify=false ${host}/lab/app:1`);
    const downloads = await allowDownloads(page);
    await page.locator('dialog ::-p-text(linux/arm64)').click();
    await page.locator('dialog a::-p-text(Docker archive, linux/arm64)').click();
    const isDone = async () => (await readdir(downloads)).some((name) => name.endsWith('.tar'));
    await expect.poll(isDone).toBe(true);
    const [name = ''] = await readdir(downloads);
    const archive = join(downloads, name);
    const { stdout } = await run('skopeo', ['inspect', '--config', `docker-archive:${archive}`]);
    expect(JSON.parse(stdout)).toMatchObject({ architecture: 'arm64' });
    await rm(downloads, { recursive: true });
  });

  it('tells what each client has to be told', async () => {
    await press(page, 'Connect a client');
    const { host } = new URL(datastore.origin);
    await waitForText(page, 'dialog pre', `{ "insecure-registries": ["${host}"] }`);
    await page.keyboard.press('Tab');
    await page.keyboard.press('Tab');
    await page.keyboard.press('End');
    await waitForText(page, 'dialog pre', `endpoint: ["http://${host}"]`);
    await page.keyboard.press('Escape');
    await page.waitForSelector('dialog', { hidden: true });
  });

  // moby #33564, distribution #1874, #2061: what a client is told of a registry must match its name and port.
  it.each([
    [80, 'ds.local'],
    [8080, 'ds.local:8080'],
  ])('tells it for exactly the name and port that it was asked by: %d', async (port, host) => {
    const other = await launchBrowser({ [`ds.local:${port}`]: address });
    try {
      const asked = await openPage(other, `http://ds.local:${port}/-/#containers`);
      await waitForText(asked.page, 'pre', `docker push ${host}/group/app:1`);
      await press(asked.page, 'Connect a client');
      await waitForText(asked.page, 'dialog pre', `{ "insecure-registries": ["${host}"] }`);
      expect(asked.errors).toEqual([]);
    } finally {
      await other.close();
    }
  });

  it('leads from an archive among the images to its repository, where nothing can be deleted', async () => {
    await datastore.put('linux/cam.tar', await readFile(join(folder, 'cam.tar')));
    // It is offered once it is hashed and read, which is not the page's doing.
    const tags = `http://${address}/v2/archives/linux/cam/tags/list`;
    await expect.poll(async () => (await fetch(tags)).status).toBe(200);
    await page.goto(`${datastore.origin}/-/#images`);
    await press(page, 'Containers of linux/cam.tar');
    await page.waitForSelector('::-p-aria([name="Get archives/linux/cam:7"])');
    await waitForText(page, 'h3', 'Archives among the images');
    expect(await page.$('[aria-label="Delete archives/linux/cam:7"]')).toBeNull();
  });

  it('says what stock EVE can start, and gives a disk as a flat file', async () => {
    await push('one', 'lab/app:1');
    await pushDisk('lab/disk', '1');
    await openRepository('lab/app');
    await press(page, 'Use in EVE: lab/app:1');
    await waitForText(page, '.warnings', 'Stock EVE cannot launch this container');
    await press(page, 'Close');
    await openRepository('lab/disk');
    await press(page, 'Use in EVE: lab/disk:1');
    await waitForText(page, 'dd', String(DISK.length));
    const url = (await page.$eval('dialog .command pre', (pre) => pre.textContent)) ?? '';
    expect(url).toBe(`${datastore.origin}/v2/lab/disk/blobs/${sha256Of(DISK)}`);
    const answer = await fetch(`http://${address}${new URL(url).pathname}`);
    expect(Buffer.from(await answer.arrayBuffer())).toEqual(DISK);
  });

  it('deletes a tag, then the image, after it said what goes', async () => {
    await push('one', 'lab/app:1');
    await push('one', 'lab/app:2');
    await openRepository('lab/app');
    await press(page, 'Delete lab/app:1');
    await press(page, 'Show what goes');
    await giveToken(page);
    await waitForText(page, '.deletion-plan p', 'The image stays, as 2.');
    await press(page, 'Keep it');
    await press(page, 'Delete lab/app:1');
    await waitForText(page, '.deletion-plan p', 'No room comes free.');
    await press(page, 'Delete');
    await page.waitForSelector('::-p-aria([name="Delete lab/app:1"])', { hidden: true });
    await press(page, 'Delete lab/app:2');
    await press(page, 'The image with all its tags');
    await waitForText(page, '.deletion-plan p', '1 tag with it: 2.');
    await waitForText(page, '.deletion-plan p', 'belong to nothing else');
    await press(page, 'Delete');
    await page.waitForSelector('::-p-aria([name="Delete lab/app:2"])', { hidden: true });
  });

  it('says what would be collected before it collects', async () => {
    await press(page, 'What would be collected?');
    await giveToken(page);
    await waitForText(page, 'h3', 'Would be collected');
    await waitForText(page, '.sentences li', 'Everything belongs to an image: nothing to collect.');
    expect(await page.$('button::-p-text(Collect now)')).toBeNull();
  });

  it('collects what it said, by a button that is there only then', async () => {
    const asked: string[] = [];
    await page.setRequestInterception(true);
    page.on('request', (request) => {
      const { pathname, search } = new URL(request.url());
      if (pathname !== '/-/api/v1/registry/gc') return void request.continue();
      asked.push(`${request.method()} ${search}`);
      const sentences = ['3 blobs, 412 MiB, belong to no image: moved to the trash.'];
      const body = JSON.stringify({ sentences, manifests: [], blobs: 3, blobBytes: 432013312, paused: null });
      return void request.respond({ contentType: 'application/json', body });
    });
    await press(page, 'What would be collected?');
    await giveToken(page);
    await waitForText(page, '.sentences li', '3 blobs, 412 MiB, belong to no image');
    await press(page, 'Collect now');
    await waitForText(page, 'h3', 'Collected');
    expect(await page.$('button::-p-text(Collect now)')).toBeNull();
    expect(asked).toEqual(['POST ', 'POST ?apply=true']);
  });
});
