// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sendProblem } from '@local-datastore/shared/http/problem';
import { Command } from 'commander';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { CommandContext } from './command-context.ts';
import { EndWithExitCode } from './exit-code.ts';
import { healthCommand } from './health.ts';

const NOT_READY = 'No configuration is in force.';

let folder: string;
let server: Server;
let socket: string;
let status: number;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'health-'));
  socket = join(folder, 'agent.sock');
  server = createServer((request, response) => {
    if (request.url === '/readyz' && status === 200) response.end('ok\n');
    else sendProblem(response, { status, detail: NOT_READY });
  }).listen(socket);
  await once(server, 'listening');
});
afterEach(async () => {
  server.close();
  await rm(folder, { recursive: true });
});

async function health(...args: readonly string[]) {
  const written = { stdout: '', stderr: '' };
  const to = (key: keyof typeof written) => ({ write: (text: string) => (written[key] += text) });
  const { signal } = new AbortController();
  const context = { stdout: to('stdout'), stderr: to('stderr'), signal } as unknown as CommandContext;
  const program = new Command().addCommand(healthCommand(context));
  const exitCode = await program.parseAsync(['health', '--socket', socket, ...args], { from: 'user' }).then(
    () => 0,
    (error: unknown) => (error instanceof EndWithExitCode ? error.exitCode : error),
  );
  return [exitCode, written.stdout, written.stderr];
}

it.each([
  ['that is ready', 200, [], [0, 'ready\n', '']],
  ['that is ready, as it must be', 200, ['--ready'], [0, 'ready\n', '']],
  ['that answers alone', 503, [], [0, '', `not ready: ${NOT_READY}\n`]],
  ['that is not ready, as it must be', 503, ['--ready'], [4, '', `not ready: ${NOT_READY}\n`]],
])('an agent %s', async (_title, answer, args, told) => {
  status = answer;
  expect(await health(...args)).toEqual(told);
});

it.each([
  [200, { isReady: true, reasons: [] }],
  [503, { isReady: false, reasons: [NOT_READY] }],
])('tells programs of %i', async (answer, document) => {
  status = answer;
  const [exitCode, stdout, stderr] = await health('--json');
  expect([exitCode, JSON.parse(String(stdout)), stderr]).toEqual([0, document, '']);
});

it('what answers something else, or nobody, is not well', async () => {
  status = 404;
  expect(await health()).toMatchObject([{ code: 'AGENT_REFUSED' }, '', '']);
  expect(await health('--socket', join(folder, 'none.sock'))).toMatchObject([
    { code: 'AGENT_UNREACHABLE' },
    '',
    '',
  ]);
});
