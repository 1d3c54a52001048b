// SPDX-License-Identifier: Apache-2.0
/** The agent's page, as a person sees it who forwards the agent's socket. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'puppeteer-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeWith } from '../requirements.ts';
import { type AgentUnderTest, startAgent } from './agent-under-test.ts';
import { expectClean, SCREENS } from './clean-page.ts';
import {
  chooseFiles,
  fill,
  launchBrowser,
  openPage,
  type PageView,
  press,
  waitForText,
} from './page-under-test.ts';

describeWith(['chromium'], "the agent's page", () => {
  let browser: Browser;
  let agent: AgentUnderTest;
  let folder: string;

  /** An archive for the scripted engine: its word says how its program behaves. */
  async function archiveOf(word: string): Promise<string> {
    const path = join(folder, `${word}.tar`);
    await writeFile(path, word);
    return path;
  }
  async function open(view: string, how: PageView = {}, { origin }: AgentUnderTest = agent) {
    return await openPage(browser, `${origin}/#${view}`, how);
  }
  async function load(page: Page, deployment: string, word: string): Promise<void> {
    await chooseFiles(page, `[aria-label="Archive for ${deployment}"]`, await archiveOf(word));
    await waitForText(page, 'dialog', `${word}.tar`);
    await page.locator('dialog .button-main').click();
  }
  /** What is done, and asked for before by a dialog. */
  async function confirm(page: Page, name: string, title: string): Promise<void> {
    await press(page, name);
    await waitForText(page, 'dialog h2', title);
    await page.locator('dialog .dialog-foot button:last-child').click();
  }

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'archives-'));
    [browser, agent] = await Promise.all([launchBrowser(), startAgent()]);
  });
  afterAll(async () => {
    await browser?.close();
    await agent?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it('shows how the agent and its configuration are', async () => {
    const { page, errors } = await open('');
    await waitForText(page, '.card', 'the agent itself speaks to datastores');
    await waitForText(page, '.warnings', 'the bridge bn9 is not there');
    await waitForText(page, '.card', 'edd.json');
    await waitForText(page, 'footer', 'eve-agent 1.2.3');
    expect(errors).toEqual([]);
    await page.browserContext().close();
  });

  it('shows apps, their logs without what acts in them, and acts', async () => {
    const { page, errors } = await open('apps');
    await waitForText(page, 'article', 'RUNNING');
    await waitForText(page, 'article', 'The configuration does not let it run');
    await press(page, 'Log of app-1');
    await waitForText(page, '.line', 'serving');
    expect(await page.$$eval('.line', (lines) => lines.map((line) => line.textContent))).toEqual([
      expect.stringMatching(/ready$/),
      expect.stringMatching(/(?<!⟩)serving$/),
    ]);
    await press(page, 'Close');
    await press(page, 'Log of app-2');
    await waitForText(page, '.line', 'Booting Linux');
    await press(page, 'Close');

    const startsOf = (image: string) =>
      [...agent.scene.engines.container.containers.values()].find(({ spec }) => spec.Image.endsWith(image))
        ?.starts;
    const before = startsOf(':one') ?? 0;
    await press(page, 'Restart app-1');
    await expect.poll(() => startsOf(':one')).toBeGreaterThan(before);
    await confirm(page, 'Purge app-2', 'Purge this app?');
    await waitForText(page, '[aria-live]', 'app-2 is made anew');
    expect(errors).toEqual([]);
    await page.browserContext().close();
  });

  it('shows content trees, with what is in the way, and acts', async () => {
    const { page } = await open('trees');
    await waitForText(page, 'article', 'the datastore answers 404 (HTTP_STATUS)');
    await waitForText(page, 'article', 'http://ds1.local');
    await waitForText(page, 'article', 'it is paused');
    await press(page, 'Retry image-3');
    await waitForText(page, '[aria-live]', 'image-3 is tried again');
    await confirm(page, 'Cancel image-3', 'Cancel this download?');
    await waitForText(page, '[aria-live]', 'image-3 is cancelled');
    expect(agent.acted.map((act) => act.split(' ')[0])).toEqual(['retry', 'cancel']);
    await page.browserContext().close();
  });

  it('loads an image archive, and tells of one that fails, with its last lines', async () => {
    const { page, errors } = await open('deployments');
    await load(page, 'web', 'one');
    await waitForText(page, '.run-done', 'It is running, version 1');
    await waitForText(page, 'article', 'ed_web:one');
    await load(page, 'web', 'crash');
    await waitForText(page, '.run-failed', 'ed_web:one serves on');
    await waitForText(page, '.run-failed pre', 'cannot find config');
    await press(page, 'Dismiss load of web');
    await expect.poll(() => page.$('.run')).toBeNull();
    await load(page, 'web', 'two');
    await waitForText(page, '.run-done', 'It is running');
    await waitForText(page, 'article', 'ed_web:two');

    await press(page, 'History web');
    await waitForText(page, '.history', 'it exited with 3');
    expect(await page.$$eval('.history-entry .badge', (all) => all.map((each) => each.textContent))).toEqual([
      'done',
      'failed',
      'done',
    ]);
    expect(errors).toEqual([]);
    await page.browserContext().close();
  });

  it('does to a deployment what the API can', async () => {
    const { page, errors } = await open('deployments');
    await press(page, 'Pull web');
    await fill(
      page,
      'Image, such as docker://ds.local/web:1 (empty: what the configuration names)',
      'docker://r/web:three',
    );
    await page.locator('dialog .button-main').click();
    await waitForText(page, 'article', 'ed_web:three');
    await press(page, 'Stop web');
    await waitForText(page, '.badge', 'stopped');
    await press(page, 'Start web');
    await waitForText(page, '.run-done', 'start done');
    await waitForText(page, '.badge', 'running');
    await confirm(page, 'Roll back web', 'Roll back?');
    await waitForText(page, '.run-done', 'rollback done');
    await confirm(page, 'Prune web', 'Remove old versions?');
    await waitForText(page, '.run-done', 'prune done');
    await confirm(page, 'Delete web', 'Delete this deployment?');
    await waitForText(page, '.run-done', 'delete done');
    await waitForText(page, 'article', 'nothing is deployed');
    // One that cannot be used says why, and nothing can be sent to it.
    await waitForText(page, 'article', 'It cannot be used as it is configured: db may not');
    expect(await page.$eval('[aria-label="Load db"]', (button) => button.matches(':disabled'))).toBe(true);
    expect(errors).toEqual([]);
    await page.browserContext().close();
  });

  it('is used by the keyboard alone', async () => {
    const { page } = await open('apps');
    await page.waitForSelector('[aria-label="Purge app-1"]');
    await page.focus('[aria-label="Purge app-1"]');
    await page.keyboard.press('Enter');
    await waitForText(page, 'dialog h2', 'Purge this app?');
    // Enter leaves it as it is, and the focus is where it was.
    await page.keyboard.press('Enter');
    await expect.poll(() => page.$('dialog')).toBeNull();
    expect(await page.evaluate('document.activeElement.getAttribute("aria-label")')).toBe('Purge app-1');
    await page.browserContext().close();
  });

  it('says what is not permitted, and shows no empty list', async () => {
    const { page } = await open('');
    await page.setRequestInterception(true);
    page.on('request', (request) => {
      if (!request.url().endsWith('/v1/deployments')) void request.continue();
      else {
        const body = JSON.stringify({ status: 403, detail: 'CN=eve may not list deployments' });
        void request.respond({ status: 403, contentType: 'application/problem+json', body });
      }
    });
    await page.goto(`${agent.origin}/#deployments`);
    await waitForText(page, '.notice', 'your certificate does not let you see the deployments');
    await waitForText(page, '.notice', 'CN=eve may not list deployments');
    await page.browserContext().close();
  });

  it('without JavaScript says what does the same', async () => {
    const { page } = await open('');
    await page.setJavaScriptEnabled(false);
    await page.goto(agent.origin);
    await waitForText(page, 'noscript', 'This page needs JavaScript');
    await page.browserContext().close();
  });

  it('takes no wish of a foreign page', async () => {
    const { page } = await open('');
    // The same host on another port is another origin.
    const other = await startAgent({ offers: 'status' });
    await page.goto(`${other.origin}/livez`);
    const answered = page.waitForResponse((response) => response.request().method() === 'POST');
    await page.evaluate(
      (url) => fetch(url, { method: 'POST', mode: 'no-cors' }).then(() => undefined),
      `${agent.origin}/v1/deployments/web/prune`,
    );
    expect((await answered).status()).toBe(403);
    await page.browserContext().close();
    await other.stop();
  });

  describe('at a place that offers a part', () => {
    it.each([
      ['status', ['Overview', 'Apps', 'Content'], 'They are shown where they are offered'],
      ['deployments', ['Overview', 'Deployments'], 'This address is for deployments alone'],
    ] as const)('(%s) shows that alone, until nothing answers', async (offers, views, hint) => {
      const part = await startAgent({ offers });
      const { page, errors } = await open('', {}, part);
      await waitForText(page, '.card', hint);
      expect(await page.$$eval('nav a', (links) => links.map(({ textContent }) => textContent))).toEqual(
        views,
      );
      expect(errors).toEqual([]);
      part.cutOff();
      await waitForText(page, '[role=alert]', 'The agent does not answer. Trying again…');
      await page.browserContext().close();
      await part.stop();
    });
  });

  it.each(SCREENS)('is accessible: %s', async (_, view) => {
    const { page } = await open('', view);
    await waitForText(page, '.card', 'edd.json');
    await expectClean(page, 'overview');
    for (const [name, seen] of [
      ['apps', 'RUNNING'],
      ['trees', 'it is paused'],
    ] as const) {
      await page.goto(`${agent.origin}/#${name}`);
      await waitForText(page, 'article', seen);
      await expectClean(page, name);
    }
    await page.goto(`${agent.origin}/#deployments`);
    await load(page, 'web', 'one');
    await waitForText(page, '.run-done', 'load done');
    await load(page, 'web', 'crash');
    await waitForText(page, '.run-failed', 'load failed');
    await expectClean(page, 'deployments');
    for (const [button, seen] of [
      ['History web', 'it exited with 3'],
      ['Details web', 'Ports'],
      ['Log web', 'Follow'],
      ['Pull web', 'Image, such as'],
      ['Delete web', 'is stopped'],
    ] as const) {
      await press(page, button);
      await waitForText(page, 'dialog', seen);
      await expectClean(page, button);
      await press(page, 'Close');
    }
    await page.browserContext().close();
  });
});
