// SPDX-License-Identifier: Apache-2.0
import * as fs from 'node:fs/promises';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { linklessCalls } from './linkless-calls.ts';
import { createPlacer, type NamingCalls } from './placer.ts';
import { describePlacerContract } from './placer-contract.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'placer-'));
});
afterEach(() => rm(folder, { recursive: true }));

const at = (name: string) => join(folder, name);

const FILE_SYSTEMS: readonly (readonly [string, NamingCalls])[] = [
  ['with hard links', fs],
  ...['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'].map(
    (code) => [`where they fail with ${code}`, linklessCalls(code)] as const,
  ),
];

for (const [name, calls] of FILE_SYSTEMS) {
  describePlacerContract(name, async () => ({ placer: createPlacer(calls), folder, async close() {} }));
}

it('sees the end of what was cut off between the two names', async () => {
  await writeFile(at('staged'), 'new');
  await fs.link(at('staged'), at('a'));
  expect(await createPlacer().place(at('staged'), at('a'), { replace: false })).toBe(true);
  expect(await readdir(folder)).toEqual(['a']);
});

it('does not take another failure for missing hard links', async () => {
  await writeFile(at('staged'), 'new');
  await expect(
    createPlacer(linklessCalls('EIO')).place(at('staged'), at('a'), { replace: false }),
  ).rejects.toMatchObject({
    code: 'EIO',
  });
  expect(await readdir(folder)).toEqual(['staged']);
});
