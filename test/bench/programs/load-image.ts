/** `load-image.ts SOCKET FILE`: loads an archive as the agent does, and prints the CPU seconds that it took. */
import { createReadStream } from 'node:fs';
import { collectEarly } from '@local-datastore/shared/early-collection';
import { createEngineClient } from '@local-datastore/shared/engine/engine-client';
import { loadImage } from '../../../eve-agent/src/launch/engine/load-image.ts';

/** Half as large costs a fifth more of the CPU; larger ones cost memory. */
const PIECE_BYTES = 128 * 1024;
// As the service does.
collectEarly();
const [socket = '', file = ''] = process.argv.slice(2);
const source = createReadStream(file, { highWaterMark: PIECE_BYTES });
await loadImage(createEngineClient({ kind: 'unix', path: socket }), source, {
  repository: 'bench',
  platform: { os: 'linux', architecture: process.arch === 'x64' ? 'amd64' : process.arch },
  maxBytes: 2 ** 40,
  signal: new AbortController().signal,
});
const { userCPUTime, systemCPUTime } = process.resourceUsage();
process.stdout.write(`${(userCPUTime + systemCPUTime) / 1e6}\n`);
