import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type ImageServer, makeImage, serveImage, startImageServer } from './image-server.ts';

const AGENT = fileURLToPath(new URL('../../eve-agent/src/main.ts', import.meta.url));
const image = makeImage(1024);

let directory: string;
let server: ImageServer;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'agent-output-'));
  server = await startImageServer((request, response) => serveImage(request, response, image));
});
afterEach(async () => {
  await server.stop();
  await rm(directory, { recursive: true });
});

it('downloads on when nobody reads its progress any more', async () => {
  const child = spawn(process.execPath, [AGENT, 'download', server.url.href, '-o', directory, '--json'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  child.stderr.destroy();
  const [exitCode] = await once(child, 'exit');
  expect(exitCode).toBe(0);
  expect(await readdir(directory)).toEqual(['image.img']);
});
