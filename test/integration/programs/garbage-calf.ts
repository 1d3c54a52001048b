// SPDX-License-Identifier: Apache-2.0
/** A process that writes noise to whatever it has: the store, the channel, what it says; and never reads. */
import { randomBytes, randomInt } from 'node:crypto';
import { writeSync } from 'node:fs';
import { CHANNEL_DESCRIPTOR, STORE_DESCRIPTOR } from '@local-datastore/shared/confinement/launcher/calf';

const STDOUT = 1;
const STDERR = 2;
const DESCRIPTORS = [STDOUT, STDERR, CHANNEL_DESCRIPTOR];

function write(fd: number, bytes: Buffer): void {
  try {
    writeSync(fd, bytes);
  } catch {
    // Full, refused, or closed.
  }
}
/** A length that a message may have, and noise; or noise alone. */
function noise(): Buffer {
  const bytes = randomBytes(randomInt(1, 4096));
  if (randomInt(2) === 0) return bytes;
  const length = Buffer.alloc(4);
  length.writeUInt32LE(bytes.length);
  return Buffer.concat([length, bytes]);
}

for (let count = 0; count < 50; count += 1) for (const fd of DESCRIPTORS) write(fd, noise());
// At the end, as it is ended for that.
for (;;) write(STORE_DESCRIPTOR, noise());
