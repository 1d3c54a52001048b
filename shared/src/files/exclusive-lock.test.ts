// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { lockExclusively } from './exclusive-lock.ts';

test('one at a time holds a name, and others hold others', async () => {
  const name = `test/${randomUUID()}`;
  const release = await lockExclusively(name);
  expect(await lockExclusively(name)).toBeNull();
  const other = await lockExclusively(`${name}x`);
  expect(other).not.toBeNull();
  other?.();
  release?.();
  await expect.poll(async () => (await lockExclusively(name)) !== null).toBe(true);
});

test('the lock of a killed process is nobody’s', async () => {
  const name = `test/${randomUUID()}`;
  const module = fileURLToPath(new URL('./exclusive-lock.ts', import.meta.url));
  const program = `const { lockExclusively } = await import(${JSON.stringify(module)});
    console.log((await lockExclusively(${JSON.stringify(name)})) !== null); setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program]);
  const [answer] = await once(child.stdout, 'data');
  expect(String(answer)).toBe('true\n');
  expect(await lockExclusively(name)).toBeNull();
  child.kill('SIGKILL');
  await once(child, 'close');
  const release = await lockExclusively(name);
  expect(release).not.toBeNull();
  release?.();
});

test('a name that is too long is an error, not a lock that is taken', async () => {
  await expect(lockExclusively('x'.repeat(200))).rejects.toThrow();
});
