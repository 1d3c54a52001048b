// SPDX-License-Identifier: Apache-2.0
/** Images, tags and repositories are managed on the page: validated, released, renamed, removed; nothing by surprise. */
import type { Browser, Page } from 'puppeteer-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { soundQcow2 } from '../../datastore-app/src/formats/testing/sound-images.ts';
import { contentOf, createRepositoryClient, someImage } from '../integration/registry-content.ts';
import type { LoopbackDatastore } from '../lab/loopback-datastore.ts';
import { describeWith } from '../requirements.ts';
import { expectClean, SCREENS } from './clean-page.ts';
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

describeWith(['chromium'], 'what is managed on the page', () => {
  let browser: Browser;
  let datastore: Datastore;

  beforeAll(async () => {
    browser = await launchBrowser();
    datastore = await startDatastore();
    const damaged = soundQcow2();
    damaged.fill(0, 2 * 65536, 2 * 65536 + 12);
    await datastore.put('linux/disk.qcow2', soundQcow2());
    await datastore.put('bad.qcow2', damaged);
    const at = datastore.origin.replace('ds.local', '127.0.0.1');
    const request = async (
      method: string,
      path: string,
      { body, headers = {} }: { body?: Buffer | string; headers?: Record<string, string> } = {},
    ) => {
      const answer = await fetch(new URL(path, at), {
        method,
        headers: { authorization: `Bearer ${WRITE_TOKEN}`, ...headers },
        ...(body !== undefined && { body: typeof body === 'string' ? body : new Uint8Array(body) }),
      });
      return {
        status: answer.status,
        headers: Object.fromEntries(answer.headers),
        body: Buffer.from(await answer.arrayBuffer()),
      };
    };
    const pushed = { request } as unknown as Pick<LoopbackDatastore, 'request'>;
    await createRepositoryClient(pushed, 'lab/app').pushImage(someImage(), '1.2');
    const disk = someImage({
      layers: [contentOf(soundQcow2(), 'application/x-qcow2')],
      more: { artifactType: 'application/vnd.example.disk' },
    });
    await createRepositoryClient(pushed, 'lab/disk').pushImage(disk, 'v1');
  });
  afterAll(async () => {
    await browser?.close();
    await datastore?.stop();
  });

  async function open(view: Parameters<typeof openPage>[2] = {}, hash = ''): Promise<Page> {
    const { page } = await openPage(browser, `${datastore.origin}/-/${hash}`, view);
    return page;
  }
  async function rename(page: Page, to: string): Promise<void> {
    await page.click('dialog input[type=text]', { count: 3 });
    await page.type('dialog input[type=text]', to);
    await press(page, 'Rename…');
  }

  it('an image is validated, released, let go and renamed', async () => {
    const page = await open();
    // What is released has a digest.
    await page.waitForSelector('tr:has([aria-label="Manage linux/disk.qcow2"]) .digest code');
    await press(page, 'Manage bad.qcow2');
    await press(page, 'Validate');
    await giveToken(page);
    await waitForText(page, 'dialog strong', '1 wrong');
    await waitForText(page, 'dialog li', 'not counted as used');
    await press(page, 'Close');

    await press(page, 'Manage linux/disk.qcow2');
    await press(page, 'Validate');
    await waitForText(page, 'dialog strong', 'sound');
    await press(page, 'Release');
    await page.waitForSelector('tbody .badge-good');
    await press(page, 'Delete linux/disk.qcow2');
    await waitForText(page, 'dialog', 'let it go first');
    expect(
      await page.$eval(
        'dialog .button-danger-main',
        (button) => (button as unknown as { disabled: boolean }).disabled,
      ),
    ).toBe(true);
    await press(page, 'Keep it');
    await press(page, 'Manage linux/disk.qcow2');
    await rename(page, 'other.qcow2');
    await waitForText(page, 'dialog [role=alert]', 'was released');
    await press(page, 'Let it go');
    await page.waitForFunction(
      () =>
        (
          globalThis as unknown as { document: { querySelector(text: string): unknown } }
        ).document.querySelector('tbody .badge-good') === null,
    );
    await press(page, 'Manage linux/disk.qcow2');
    await rename(page, 'other.qcow2');
    await waitForText(page, 'dialog p', 'renamed to other.qcow2');
    await press(page, 'Rename');
    await waitForText(page, 'tbody th', 'other.qcow2');
    await page.browserContext().close();
  });

  it('a disk that was pushed is among the images, and managed in its repository', async () => {
    const page = await open();
    await waitForText(page, 'tbody th', 'oci:lab/disk:v1');
    expect(await page.$('[aria-label="Delete oci:lab/disk:v1"]')).toBeNull();
    await press(page, 'Use in EVE: oci:lab/disk:v1');
    await waitForText(page, 'dialog', 'QCOW2');
    await page.browserContext().close();
  });

  it('a tag is released and renamed, a repository renamed and removed, each after it was said what that does', async () => {
    const page = await open({}, '#containers');
    await waitForText(page, 'summary', 'lab/app');
    await page.click('details.repository summary');
    await press(page, 'Manage lab/app:1.2');
    await press(page, 'Release');
    await giveToken(page);
    await page.waitForSelector('tbody .badge-good');
    await press(page, 'Manage lab/app:1.2');
    await press(page, 'Let it go');
    await page.waitForFunction(
      () =>
        (
          globalThis as unknown as { document: { querySelector(text: string): unknown } }
        ).document.querySelector('tbody .badge-good') === null,
    );
    await press(page, 'Manage lab/app:1.2');
    await rename(page, 'stable');
    await waitForText(page, 'dialog p', 'renamed to lab/app:stable');
    await press(page, 'Rename');
    await waitForText(page, 'tbody th', 'stable');
    await press(page, 'Manage the repository lab/app');
    await rename(page, 'Lab/Moved');
    await waitForText(page, 'dialog p', '"Lab/Moved" is taken for "lab/moved"');
    await press(page, 'Rename');
    await waitForText(page, 'summary', 'lab/moved');
    await page.click('details.repository:not([open]) summary ::-p-text(lab/moved)');
    await press(page, 'Manage the repository lab/moved');
    await press(page, 'Remove…');
    await waitForText(page, 'dialog p', 'lab/moved, 1 tag and 1 manifest');
    await press(page, 'Remove the repository');
    await page.waitForSelector('summary ::-p-text(lab/moved)', { hidden: true });
    await page.browserContext().close();
  });

  describe('is clean', () => {
    it.each(SCREENS)('%s', async (title, view) => {
      const page = await open(view);
      await waitForText(page, 'tbody th', 'bad.qcow2');
      await press(page, 'Manage bad.qcow2');
      await press(page, 'Validate');
      await giveToken(page);
      await waitForText(page, 'dialog strong', 'wrong');
      await rename(page, 'new-name.qcow2');
      await waitForText(page, 'dialog p', 'renamed to');
      await expectClean(page, 'manage');
      if (process.env.SCREENSHOTS !== undefined)
        await page.screenshot({
          path: `${process.env.SCREENSHOTS}/manage-${title.replace(/\W+/g, '-')}.png`,
        });
      await press(page, 'Close');
      await expectClean(page, 'images');
      if (process.env.SCREENSHOTS !== undefined)
        await page.screenshot({
          path: `${process.env.SCREENSHOTS}/images-${title.replace(/\W+/g, '-')}.png`,
        });
      await page.browserContext().close();
    });
  });
});
