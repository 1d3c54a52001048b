// SPDX-License-Identifier: Apache-2.0
/**
 * `load-image.ts SOCKET`: loads the archive of each line that comes, as an agent does that has been started long ago, and
 * prints a line with the CPU seconds that it took.
 */
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { collectEarly } from '@local-datastore/shared/early-collection';
import { createEngineClient } from '@local-datastore/shared/engine/engine-client';
import { loadImage } from '../../../eve-agent/src/launch/engine/load-image.ts';

/** Half as large costs a fifth more of the CPU; larger ones cost memory, and no less of the CPU. */
const PIECE_BYTES = 128 * 1024;
// As the service does.
collectEarly();
const [socket = ''] = process.argv.slice(2);
const client = createEngineClient({ kind: 'unix', path: socket });
for await (const file of createInterface({ input: process.stdin })) {
  const before = process.cpuUsage();
  await loadImage(client, createReadStream(file, { highWaterMark: PIECE_BYTES }), {
    repository: 'bench',
    platform: { os: 'linux', architecture: process.arch === 'x64' ? 'amd64' : process.arch },
    maxBytes: 2 ** 40,
    signal: new AbortController().signal,
  });
  const { user, system } = process.cpuUsage(before);
  process.stdout.write(`${(user + system) / 1e6}\n`);
}
