// SPDX-License-Identifier: Apache-2.0
/**
 * Renames an image again and again, each time the same: `rename-in-order.ts ROOT`. Prints a path before it is to have it,
 * and once more when that was acknowledged.
 */
import { writeSync } from 'node:fs';
import { createHasher } from '../../../datastore-app/src/content/hasher.ts';
import { createSpace } from '../../../datastore-app/src/content/space.ts';
import { createImageStore } from '../../../datastore-app/src/images/image-store.ts';

const [root = '', first = '', ...paths] = process.argv.slice(2);
const hasher = createHasher();
const space = createSpace(
  { freeBytes: async () => 1e12, usedBytes: () => 0 },
  { reserveBytes: 0, quotaBytes: undefined },
);
const store = createImageStore({ space, hash: hasher.hash }, { root, owner: 'test' });
await store.recover();
for (let current = first; ; ) {
  const next = paths.shift();
  if (next === undefined) break;
  writeSync(1, `begun ${next}\n`);
  if (!(await store.rename(current, next))) throw new Error(`${current} is not there`);
  writeSync(1, `done ${next}\n`);
  current = next;
}
await hasher.stop();
