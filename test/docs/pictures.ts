// SPDX-License-Identifier: Apache-2.0
/**
 * Makes the pictures of the manuals anew: `node test/docs/pictures.ts`. It needs chromium and skopeo; what is to be
 * seen is what the real page shows of a real datastore.
 */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import {
  launchBrowser,
  openPage,
  startDatastore,
  WRITE_TOKEN,
  waitForText,
} from '../browser/page-under-test.ts';
import { createImageLayout } from '../lab/image-layouts.ts';

const run = promisify(execFile);
const CONTAINERS = fileURLToPath(new URL('../../datastore-app/docs/containers.png', import.meta.url));
/** As wide as a reader sees it on the page of a repository. */
const VIEW = { width: 1100, height: 672 };
const MIB = 1024 * 1024;

const folder = await mkdtemp(join(tmpdir(), 'pictures-'));
const browser = await launchBrowser();
const datastore = await startDatastore();
try {
  const { port } = new URL(datastore.origin);
  const layout = await createImageLayout(join(folder, 'layout'));
  const base = randomBytes(11 * MIB);
  const push = (image: string, name: string) =>
    run('skopeo', [
      ...['copy', '--all', '--dest-tls-verify=false', '--dest-creds', `admin:${WRITE_TOKEN}`],
      ...[`oci:${layout.folder}:${image}`, `docker://127.0.0.1:${port}/${name}`],
    ]);
  for (const version of ['1.2', '1.3']) {
    const amd64 = await layout.addImage({ layers: [base, randomBytes(2 * MIB)] });
    const arm64 = await layout.addImage({ layers: [base, randomBytes(3 * MIB)], architecture: 'arm64' });
    await layout.addIndex({ amd64, arm64 }, version);
    await push(version, `lab/detector:${version}`);
  }
  await push('1.3', 'lab/detector:stable');
  await layout.addImage({ layers: [base, randomBytes(5 * MIB)] }, 'dashboard');
  await push('dashboard', 'lab/dashboard:7');
  await layout.addImage({ layers: [randomBytes(7 * MIB)] }, 'camera');
  const archive = join(folder, 'camera.tar');
  await run('skopeo', ['copy', `oci:${layout.folder}:camera`, `docker-archive:${archive}:camera:2`]);
  await run('cp', [archive, join(datastore.root, 'camera.tar')]);

  const { page } = await openPage(browser, `${datastore.origin}/-/#containers`, VIEW);
  await waitForText(page, 'summary', 'archives/camera');
  await page.locator('summary::-p-text(lab/detector)').click();
  await waitForText(page, 'tbody td', 'linux/amd64, linux/arm64');
  await page.screenshot({ path: CONTAINERS });
} finally {
  await browser.close();
  await datastore.stop();
  await rm(folder, { recursive: true });
}
