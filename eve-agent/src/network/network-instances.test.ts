// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { readNetworkInstances } from './network-instances.ts';

it('reads the documents that can be read, and nothing where EVE does not run', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'instances-'));
  await writeFile(join(folder, 'b.json'), JSON.stringify({ BridgeName: 'bn2' }));
  await writeFile(join(folder, 'a.json'), JSON.stringify({ BridgeName: 'bn1' }));
  await writeFile(join(folder, 'half.json'), '{');
  await writeFile(join(folder, 'huge.json'), ' '.repeat(2 * 1024 * 1024));
  await mkdir(join(folder, 'folder.json'));
  // Reading it would never end.
  execFileSync('mkfifo', [join(folder, 'pipe.json')]);
  await writeFile(join(folder, 'other.txt'), JSON.stringify({ BridgeName: 'bn9' }));
  expect(readNetworkInstances(folder).map(({ bridgeName }) => bridgeName)).toEqual(['bn1', 'bn2']);
  await rm(folder, { recursive: true });
  expect(readNetworkInstances(folder)).toEqual([]);
});
