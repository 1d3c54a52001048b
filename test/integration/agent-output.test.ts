// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, open, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { eveAgent } from '../lab/programs.ts';
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

it('tells the journal the priority of each line, also of what a process without rights is', async () => {
  // As systemd tells of the journal: by what stderr is.
  const path = join(directory, 'journal');
  const journal = await open(path, 'w');
  const { dev, ino } = await journal.stat();
  const [node = '', ...args] = eveAgent('run', '--separation', '--state', directory);
  const child = spawn(node, args, {
    env: { ...process.env, JOURNAL_STREAM: `${dev}:${ino}` },
    stdio: ['ignore', 'ignore', journal.fd],
  });
  const ended = once(child, 'exit');
  await journal.close();
  const lines = async () => (await readFile(path, 'utf8')).trimEnd().split('\n');
  await expect
    .poll(async () => (await lines()).filter((line) => line.includes('"process":"net"')))
    .not.toEqual([]);
  child.kill('SIGTERM');
  await ended;
  const priorities = { error: 3, warn: 4, info: 6, debug: 7 };
  for (const line of await lines()) {
    const [, priority, text = ''] = /^<(\d)>(.*)$/.exec(line) ?? [];
    const { level } = JSON.parse(text) as { level: keyof typeof priorities };
    expect(Number(priority)).toBe(priorities[level]);
  }
});
