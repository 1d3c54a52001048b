// SPDX-License-Identifier: Apache-2.0
/** A real datastore on loopback, and a real browser that looks at its page. */
import { accessSync, constants } from 'node:fs';
import { mkdir, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import puppeteer, { type Browser, type Page } from 'puppeteer-core';
import {
  ADDRESS,
  createDatastoreFolder,
  type LoopbackDatastore,
  WRITE_TOKEN,
} from '../lab/loopback-datastore.ts';

export { WRITE_TOKEN } from '../lab/loopback-datastore.ts';

/** Only ends what fails: a machine may be busy with much else. */
const LIMIT_MS = 600_000;
/** As in the field, the page's origin is no secure context: neither https nor localhost. */
const HOST = 'ds.local';

export interface Datastore {
  readonly root: string;
  readonly origin: string;
  /** It, for who asks it without a browser. */
  readonly at: LoopbackDatastore;
  log(): string;
  /** Puts a file in place at once, with an old time: it is hashed without waiting. */
  put(path: string, content: Buffer | string): Promise<void>;
  /** SIGKILL, as a power cut. */
  kill(): Promise<void>;
  /** On the same port, with what is on the disk. */
  startAgain(): Promise<void>;
  stop(): Promise<void>;
}

/** @param options of `serve` beside the usual */
export async function startDatastore(...options: readonly string[]): Promise<Datastore> {
  const place = await createDatastoreFolder();
  await mkdir(place.root);
  const start = (port: number) => place.start('--host-name', 'ds', '--port', String(port), ...options);
  let running = await start(0);
  const { port } = running;
  return {
    root: place.root,
    origin: `http://${HOST}:${port}`,
    get at() {
      return running;
    },
    log: () => running.log(),
    put: place.put,
    kill: () => running.kill(),
    async startAgain() {
      running = await start(port);
    },
    stop: place.remove,
  };
}

const PROGRAMS = ['chromium', 'chromium-browser', 'google-chrome'];

function findBrowser(): string {
  const candidates = (process.env.PATH ?? '')
    .split(':')
    .flatMap((folder) => PROGRAMS.map((name) => join(folder, name)));
  const found = candidates.find((file) => {
    try {
      accessSync(file, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
  if (found === undefined) throw new Error(`none of ${PROGRAMS.join(', ')} is installed`);
  return found;
}

/** @param places by host and port of the page's name: where on loopback that is, such as a port that is free */
export function launchBrowser(places: Readonly<Record<string, string>> = {}): Promise<Browser> {
  const mapped = Object.entries(places).map(([asked, place]) => `MAP ${asked} ${place}, `);
  return puppeteer.launch({
    timeout: LIMIT_MS,
    executablePath: findBrowser(),
    args: [
      // Chromium's sandbox refuses to work for root, as which containers run.
      ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
      '--disable-dev-shm-usage',
      // Nothing but the datastore is reached, and no name is asked for on a network.
      `--host-resolver-rules=${mapped.join('')}MAP ${HOST} ${ADDRESS}, MAP * ~NOTFOUND, EXCLUDE ${ADDRESS}`,
    ],
  });
}

export interface PageView {
  readonly width?: number;
  readonly height?: number;
  readonly scheme?: 'light' | 'dark';
}

/** What went wrong in the page while it was open: script errors, and what its policy blocked. */
export interface OpenedPage {
  readonly page: Page;
  readonly errors: readonly string[];
}

/** Opens the page in a context of its own: storage and credentials begin empty. */
export async function openPage(
  browser: Browser,
  url: string,
  { width = 1280, height = 860, scheme = 'light' }: PageView = {},
): Promise<OpenedPage> {
  const context = await browser.createBrowserContext();
  const page = await context.newPage();
  page.setDefaultTimeout(LIMIT_MS);
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(String(error)));
  page.on('console', (message) => {
    // The browser reports each answer of 4xx; those are the tests' business.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) {
      errors.push(message.text());
    }
  });
  // The page warns of leaving while an upload runs.
  page.on('dialog', (dialog) => void dialog.accept());
  await page.setViewport({ width, height });
  await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }]);
  await page.goto(url);
  return { page, errors };
}

/** Waits until an element of this selector has a text in it. */
export async function waitForText(page: Page, selector: string, text: string): Promise<void> {
  await page.waitForSelector(`${selector}::-p-text(${JSON.stringify(text)})`);
}

/** Presses the button (or link) of this accessible name, as soon as it is there. */
export async function press(page: Page, name: string): Promise<void> {
  await page.locator(`::-p-aria([name="${name}"])`).click();
}

/**
 * Writes into the field of this accessible name, over what is there, as a person does: what puppeteer's own
 * `fill` empties unheard comes back when the page is drawn anew before the first key.
 */
export async function fill(page: Page, name: string, value: string): Promise<void> {
  await page.locator(`::-p-aria([name="${name}"])`).click({ count: 3 });
  await page.keyboard.press('Backspace');
  await page.keyboard.type(value);
}

/** Gives the write token to the dialog that asks for it. */
export async function giveToken(page: Page, token = WRITE_TOKEN): Promise<void> {
  await fill(page, 'Token', token);
  await press(page, 'Use token');
}

/** Chooses files in a file field, which the page keeps out of sight. */
export async function chooseFiles(page: Page, selector: string, ...files: readonly string[]): Promise<void> {
  const field = await page.waitForSelector(selector);
  if (field === null) throw new Error(`no ${selector}`);
  // The types of puppeteer name elements of the DOM, which tests do not have.
  await (field as unknown as { uploadFile(...paths: readonly string[]): Promise<void> }).uploadFile(...files);
}

/**
 * From now on the browser's own dialog for a name and a password is closed at once, as by a person: the request
 * ends with its 401 where the browser knows no credential by itself.
 */
export async function dismissCredentialDialogs(page: Page): Promise<void> {
  const client = await page.createCDPSession();
  /** The page asks again and again: one of its requests may be paused when it is closed. */
  const unlessClosed = (error: unknown) => {
    if (!(error instanceof Error && error.name === 'TargetCloseError')) throw error;
  };
  client.on('Fetch.requestPaused', ({ requestId }) => {
    client.send('Fetch.continueRequest', { requestId }).catch(unlessClosed);
  });
  client.on('Fetch.authRequired', ({ requestId }) => {
    const authChallengeResponse = { response: 'CancelAuth' } as const;
    client.send('Fetch.continueWithAuth', { requestId, authChallengeResponse }).catch(unlessClosed);
  });
  await client.send('Fetch.enable', { handleAuthRequests: true });
}

/** Lets the page's downloads come into a new folder, which the caller removes. */
export async function allowDownloads(page: Page): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'datastore-download-'));
  const client = await page.createCDPSession();
  const browserContextId = page.browserContext().id;
  await client.send('Browser.setDownloadBehavior', {
    behavior: 'allow',
    downloadPath: folder,
    ...(browserContextId !== undefined && { browserContextId }),
  });
  return folder;
}
