// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '@local-datastore/shared/log';
import { createManualClock } from '@local-datastore/shared/manual-clock';
import { afterAll, expect, test } from 'vitest';
import { createAgentClient } from './client.ts';
import { listen } from './listen.ts';
import { describeLongSocketPath } from './socket-path.ts';

const folder = mkdtempSync(join(tmpdir(), 'socket-path-'));
afterAll(() => rmSync(folder, { recursive: true }));

const DEPS = { clock: createManualClock(), wallMs: () => 0, log: silentLog };
const NO_TLS = { certificate: undefined, key: undefined, clientCa: undefined };
/** A path below the folder, of just so many bytes. */
const pathOf = (sizeBytes: number, letter = 'a') => {
  const room = sizeBytes - Buffer.byteLength(folder) - 1;
  const width = Buffer.byteLength(letter);
  return join(folder, letter.repeat(Math.floor(room / width)) + 'x'.repeat(room % width));
};

test.each([
  [106, 'a', true],
  [107, 'a', true],
  [108, 'a', false],
  [140, 'a', false],
  [107, 'ü', true],
  [108, 'ü', false],
])('%i bytes of "%s": taken %s, as the kernel does', async (sizeBytes, letter, isTaken) => {
  const path = pathOf(sizeBytes, letter);
  expect(Buffer.byteLength(path)).toBe(sizeBytes);
  const client = createAgentClient({ kind: 'unix', path });
  const ask = () => client.ask('GET', '/', new AbortController().signal);
  const offered = listen({ kind: 'unix', path }, (_, response) => response.end('{}'), NO_TLS, DEPS);
  if (isTaken) {
    const close = await offered;
    expect(await ask()).toEqual({});
    await close();
    return;
  }
  const message = `the path of the socket has ${sizeBytes} bytes, of which Linux takes 107: ${path}`;
  await expect(offered).rejects.toMatchObject({
    ...{ code: 'CONFIGURATION_INVALID', message: expect.stringContaining(message) },
  });
  await expect(ask()).rejects.toMatchObject({ message: expect.stringContaining(message) });
  expect(describeLongSocketPath(path)).toContain('--state');
});
