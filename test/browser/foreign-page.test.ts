// SPDX-License-Identifier: Apache-2.0
/** A page of somebody else's in the browser of a person who may write. */
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Browser, Page } from 'puppeteer-core';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { ADDRESS } from '../lab/loopback-datastore.ts';
import { describeWith } from '../requirements.ts';
import { type Datastore, launchBrowser, openPage, startDatastore, WRITE_TOKEN } from './page-under-test.ts';

describeWith(['chromium'], 'a foreign page', () => {
  let browser: Browser;
  let datastore: Datastore;
  let foreign: Server;
  let page: Page;

  async function listed(): Promise<string[]> {
    const answer = await fetch(`${datastore.origin.replace('ds.local', ADDRESS)}/-/api/v1/images`, {
      headers: { Authorization: `Bearer ${WRITE_TOKEN}` },
    });
    return ((await answer.json()) as { images: { path: string }[] }).images.map(({ path }) => path);
  }

  beforeAll(async () => {
    browser = await launchBrowser();
    datastore = await startDatastore('--read-password', 'read-password-1');
    await datastore.put('disk.img', 'good');
    await vi.waitFor(async () => expect(await listed()).toEqual(['disk.img']), 60_000);
    foreign = createServer((_request, response) => {
      response.writeHead(200, { 'Content-Type': 'text/html' }).end('<!doctype html><title>foreign</title>');
    }).listen(0, ADDRESS);
    await once(foreign, 'listening');
    ({ page } = await openPage(browser, `${datastore.origin}/-/livez`));
    // The person types the write token into the browser's own dialog, which the browser remembers.
    const withToken = datastore.origin.replace('://', `://person:${encodeURIComponent(WRITE_TOKEN)}@`);
    await page.goto(`${withToken}/-/api/v1/images`);
    await page.goto(`${datastore.origin}/-/api/v1/images`);
    expect(await page.evaluate(async () => (await fetch('/-/api/v1/images')).status)).toBe(200);
    await page.goto(foreignUrl());
  });
  afterAll(async () => {
    await browser?.close();
    foreign?.close();
    await datastore?.stop();
  });

  const foreignUrl = () => `http://${ADDRESS}:${(foreign.address() as AddressInfo).port}/`;
  async function expectUnchanged(): Promise<void> {
    expect(await listed()).toEqual(['disk.img']);
    expect(await readFile(join(datastore.root, 'disk.img'), 'utf8')).toBe('good');
  }

  it.each(['disk.img', 'new.img', '-/api/v1/import?replace=true'])(
    'cannot send a form to /%s, with which the browser sends what it remembers',
    async (path) => {
      const answered = page.waitForResponse((response) => response.request().method() === 'POST');
      await page.setContent(
        `<form method="post" enctype="text/plain" action="${datastore.origin}/${path}">
          <input name="evil" value="evil"><button>Win</button></form>`,
      );
      await page.click('button');
      expect((await answered).status()).toBe(403);
      await page.goto(foreignUrl());
      await expectUnchanged();
    },
  );

  it.each(['POST', 'PUT', 'DELETE'])('cannot %s by script', async (method) => {
    // `no-cors` asks without a preflight where the browser allows it; the answer cannot be read then.
    await page.evaluate(
      (url, how) =>
        fetch(url, {
          method: how,
          mode: how === 'POST' ? 'no-cors' : 'cors',
          credentials: 'include',
          ...(how !== 'DELETE' && { body: 'evil' }),
        }).then(
          () => {},
          () => {},
        ),
      `${datastore.origin}/disk.img`,
      method,
    );
    await expectUnchanged();
  });
});
