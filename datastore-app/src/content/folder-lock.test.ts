// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { holdFolder } from './folder-lock.ts';

let folder: string;
beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), `lock-${'x'.repeat(120)}-`)));
});
afterEach(() => rm(folder, { recursive: true }));

const MODULE = fileURLToPath(new URL('./folder-lock.ts', import.meta.url));

/** Another process that holds the folder until it is killed; with a network of its own, as a container has. */
async function holder(isApart: boolean) {
  const script = `const { holdFolder } = await import(${JSON.stringify(MODULE)});
    const held = await holdFolder(process.argv[1]);
    console.log(held === null ? 'refused' : 'held');
    setInterval(() => {}, 1000);`;
  const [program = '', ...args] = [
    ...(isApart ? ['unshare', '--user', '--map-root-user', '--net'] : []),
    process.execPath,
    ...['--input-type=module', '-e', script, folder],
  ];
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const [said] = await once(child.stdout, 'data');
  return {
    said: String(said).trim(),
    async kill() {
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}

it('is held by one, and free again once that lets go', async () => {
  const held = await holdFolder(folder);
  expect(held).not.toBeNull();
  expect(await holdFolder(folder)).toBeNull();
  await held?.();
  expect(await readdir(folder)).toEqual([]);
  const again = await holdFolder(folder);
  expect(again).not.toBeNull();
  await again?.();
});

it.each([
  ['of this network', false],
  ['of another one, as in another container', true],
])('is held against a process %s, until that is killed', async (_title, isApart) => {
  const other = await holder(isApart);
  try {
    expect(other.said).toBe('held');
    expect(await holdFolder(folder)).toBeNull();
  } finally {
    await other.kill();
  }
  // What it left is told from a process that lives.
  expect(await readdir(folder)).toEqual(['.datastore.lock']);
  const held = await holdFolder(folder);
  expect(held).not.toBeNull();
  const late = await holder(isApart);
  expect(late.said).toBe('refused');
  await late.kill();
  await held?.();
});
