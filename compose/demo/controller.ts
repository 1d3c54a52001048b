// SPDX-License-Identifier: Apache-2.0
import { existsSync } from 'node:fs';
import { rename, rm, writeFile } from 'node:fs/promises';
import { makeDemoImage } from './demo-image.ts';

/**
 * The controller of the demo: puts an image into the datastore's volume, and writes down for the agent what a
 * device configuration would tell it. Stays until it is stopped, as `docker compose up
 * --abort-on-container-exit` ends everything with the first container that ends.
 *
 * usage: controller.ts                     `controller.ts check` ends with 0 once all is in place
 */
const IMAGE = '/var/lib/datastore/images/edge-app.raw';
const ORDER = '/var/lib/controller/order.json';
/** The same as a device configuration in the JSON form of EVE's API, for `eve-agent run`. */
const DEVICE_CONFIGURATION = '/var/lib/controller/device.json';
const DATASTORE_ID = '2a9ad7a5-6a9f-4a4e-9a55-0c7a3f1d6f10';
const CONTENT_TREE_ID = '7f0f9f6e-5b0c-4d0e-8a53-3d2c1b0a9e87';
const SIZE_BYTES = 256 << 20;

if (process.argv[2] === 'check') process.exit(existsSync(ORDER) ? 0 : 1);

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(0));
await rm(ORDER, { force: true });
// Under a name that a datastore never serves until it is whole.
const { sha256, sizeBytes } = await makeDemoImage(`${IMAGE}.part`, SIZE_BYTES, 'edge-app');
await rename(`${IMAGE}.part`, IMAGE);
const deviceConfiguration = {
  datastores: [{ id: DATASTORE_ID, dType: 'DsHttp', fqdn: 'http://datastore.local', dpath: '' }],
  contentInfo: [
    {
      uuid: CONTENT_TREE_ID,
      dsIdsList: [DATASTORE_ID],
      URL: 'edge-app.raw',
      iformat: 'RAW',
      sha256,
      maxSizeBytes: String(sizeBytes),
      displayName: 'edge-app',
    },
  ],
};
await writeFile(DEVICE_CONFIGURATION, `${JSON.stringify(deviceConfiguration, null, 2)}\n`);
const order = { url: 'http://datastore.local/edge-app.raw', sha256, sizeBytes };
await writeFile(`${ORDER}.part`, JSON.stringify(order));
await rename(`${ORDER}.part`, ORDER);
process.stdout.write(`put edge-app.raw into the datastore: ${sizeBytes / 2 ** 20} MiB, sha256 ${sha256}\n`);
setInterval(() => {}, 1 << 30);
