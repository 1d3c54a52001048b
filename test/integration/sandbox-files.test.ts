// SPDX-License-Identifier: Apache-2.0
/** The rules of files of the sandbox against the kernel: for where a calf has no root of its own. */
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { knownRights } from '@local-datastore/shared/confinement/system/file-rules';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { runProgram, WORKSPACE } from '../lab/run-program.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sandbox-files-'));
});
afterEach(() => rm(folder, { recursive: true }));

it('lets a process use what it was told, and nothing else', async ({ skip }) => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const [file, own] = [join(folder, 'file'), join(folder, 'own')];
  await writeFile(file, 'text');
  await mkdir(own);
  await writeFile(join(own, 'there'), '');
  const program = join(WORKSPACE, 'test/integration/programs/ruled-process.ts');
  const port = String((server.address() as AddressInfo).port);
  const { stdout, stderr } = await runProgram([process.execPath, program, file, own, port]);
  server.close();
  if (/landlockCreateRuleset: (?:ENOSYS|EOPNOTSUPP)/.test(stderr)) skip('the kernel has no Landlock');
  const { connect, signal, ...files } = JSON.parse(stdout || stderr) as Record<string, string>;
  expect(files).toEqual({
    ...{ read: 'done', write: 'done', 'cut off': 'done', list: 'done' },
    ...{ make: 'EACCES', rename: 'EACCES', remove: 'EACCES', 'make elsewhere': 'EACCES' },
    ...{ 'write what may be read': 'EACCES', 'read another': 'EACCES', 'list another': 'EACCES' },
  });
  // Since Linux 6.7 and 6.12.
  expect(['EACCES', 'done']).toContain(connect);
  expect(['EPERM', 'done']).toContain(signal);
  expect(await readFile(file, 'utf8')).toBe('text');
  expect(await readFile(join(own, 'there'), 'utf8')).toBe('w');
});

it.each([
  [1, 13, false, false],
  [2, 14, false, false],
  [3, 15, false, false],
  [4, 15, true, false],
  [5, 16, true, false],
  [6, 16, true, true],
  [7, 16, true, true],
  [99, 16, true, true],
])('knows the rights of version %d', (version, fileRights, hasNet, hasScopes) => {
  const { files, net, scoped } = knownRights(version);
  expect(files).toBe((1n << BigInt(fileRights)) - 1n);
  expect([net !== 0n, scoped !== 0n]).toEqual([hasNet, hasScopes]);
});
