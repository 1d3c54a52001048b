// SPDX-License-Identifier: Apache-2.0
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { makeDemoImage } from '../../compose/demo/demo-image.ts';
import { createStory } from '../../compose/demo/story.ts';
import { createDevicePrograms, type DemoOptions, imagesOf } from './device-programs.ts';

const IMAGE = 'edge-app.raw';
const IMAGE_BYTES = 256 << 20;
/** The image twice, and what else is written. */
export const DEMO_BYTES = 2 * IMAGE_BYTES + (64 << 20);

/**
 * The main job, shown on an emulated device: browse, resolve, download, verify; and again after the datastore
 * came back with another address.
 *
 * @throws the signal's reason; an Error that says which step failed
 */
export async function runDemo({ lab, directory, write, isColoured, signal }: DemoOptions): Promise<void> {
  const { runAgent, startDatastore } = createDevicePrograms({ lab, directory, signal });
  const story = createStory(runAgent, write, isColoured);
  const download = join(directory, IMAGE);

  story.heading('An edge device without any network but its own');
  await lab.addBridge('bn1', '10.1.0.1/24');
  await lab.addBridge('bn2', '10.2.0.1/24');
  const app = await lab.addApp({ name: 'datastore', bridge: 'bn1', address: '10.1.0.5/24' });
  const other = await lab.addApp({ name: 'other-app', bridge: 'bn2', address: '10.2.0.9/24' });
  story.say('Its host owns the bridges bn1 (10.1.0.1) and bn2 (10.2.0.1), with one app on each.');
  story.say('There is no route to anywhere: each lives in network namespaces of its own.');

  await mkdir(imagesOf(directory, 'datastore'), { recursive: true });
  const image = await makeDemoImage(
    join(imagesOf(directory, 'datastore'), IMAGE),
    IMAGE_BYTES,
    IMAGE,
    signal,
  );
  const order = { ...image, url: `http://datastore.local/${IMAGE}` };
  story.say(`The datastore runs as an app on one of them, with an image of ${IMAGE_BYTES / 2 ** 20} MiB:`);
  story.say(`sha256 ${image.sha256}`);
  let [datastore] = await Promise.all([
    startDatastore(app, '10.1.0.5', 'datastore'),
    startDatastore(other, '10.2.0.9', 'other-app'),
  ]);

  story.heading('The agent on the host listens on its bridges');
  await story.browse();

  story.heading('It finds the datastore by name, downloads, verifies');
  const first = await story.fetch(order, download);
  await rm(download);

  story.heading('The datastore reboots, and its lease is another one');
  await datastore.stop();
  await app.setAddress('10.1.0.77/24');
  datastore = await startDatastore(app, '10.1.0.77', 'datastore');
  story.say('The same name, the same command, nothing reconfigured:');
  const second = await story.fetch(order, download);
  if (first === second) throw new Error(`the datastore was found at ${second} although it had moved`);
  story.say(`Found at ${second} instead of ${first}.`);
  await datastore.stop();
}
