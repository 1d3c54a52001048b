// SPDX-License-Identifier: Apache-2.0
/** The datastore is killed at random moments while images come in and go, and comes back. */
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { sha256Of } from '../integration/image-server.ts';
import { createDatastoreFolder, type LoopbackDatastore } from '../lab/loopback-datastore.ts';
import { randomOfThisRun } from '../random.ts';

const KILLS = 12;
const UPLOADERS = 4;
/** From the moment that it listens. */
const UP_WITHIN_MS = 1500;

interface ListedImage {
  readonly path: string;
  readonly sha256: string | null;
}

it('nothing that was acknowledged is lost, nor hashed again', async () => {
  const random = randomOfThisRun('publisher killed');
  const folder = await createDatastoreFolder();
  /** By path; null: removing it was begun, or bringing it in, and not answered. */
  const acknowledged = new Map<string, string | null>();
  let count = 0;

  /** Brings images in, replaces some and removes some, until the datastore is gone. */
  async function change(datastore: LoopbackDatastore): Promise<void> {
    const own = random.fork();
    const paths: string[] = [];
    for (;;) {
      count += 1;
      const isOld = paths.length > 0 && own.next() < 0.3;
      const path = isOld ? own.pick(paths) : `folder-${own.integer(0, 3)}/${count}.img`;
      const body = `content ${count}`;
      const isRemoved = isOld && own.next() < 0.5;
      acknowledged.set(path, null);
      const answer = await datastore
        .request(isRemoved ? 'DELETE' : 'PUT', `/${path}`, isRemoved ? {} : { body })
        .catch(() => undefined);
      if (answer === undefined) return;
      expect([200, 201, 204]).toContain(answer.status);
      if (isRemoved) {
        acknowledged.delete(path);
        paths.splice(paths.indexOf(path), 1);
      } else {
        acknowledged.set(path, sha256Of(Buffer.from(body)));
        if (!isOld) paths.push(path);
      }
    }
  }

  try {
    for (let kill = 0; kill < KILLS; kill += 1) {
      const datastore = await folder.start();
      // What was acknowledged is there, and known without being read.
      const { images } = (await datastore.json('/-/api/v1/images')) as { images: ListedImage[] };
      const listed = new Map(images.map(({ path, sha256 }) => [path, sha256]));
      for (const [path, sha256] of acknowledged) {
        if (sha256 !== null) expect([path, listed.get(path)]).toEqual([path, sha256]);
      }
      for (const path of listed.keys()) expect(acknowledged.has(path), path).toBe(true);
      const changing = Array.from({ length: UPLOADERS }, () => change(datastore));
      await delay(random.next() * UP_WITHIN_MS);
      await datastore.kill();
      await Promise.all(changing);
      expect(datastore.log()).not.toMatch(/"level":"error"|not sound/);
    }
    expect([...acknowledged.values()].filter((sha256) => sha256 !== null).length).toBeGreaterThan(KILLS);
  } finally {
    await folder.remove();
  }
});
