// SPDX-License-Identifier: Apache-2.0
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { removeStrayParts } from './deployment-pull.ts';

it('what waits for deployments that there are no more is removed', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'parts-'));
  try {
    for (const name of ['web', 'gone']) {
      await mkdir(join(folder, name, 'blobs'), { recursive: true });
      await writeFile(join(folder, name, 'blobs', 'of-it'), name);
    }
    await removeStrayParts(folder, new Set(['web', 'new']));
    expect(await readdir(folder)).toEqual(['web']);
    expect(await readdir(join(folder, 'web', 'blobs'))).toEqual(['of-it']);
    await removeStrayParts(join(folder, 'none'), new Set());
  } finally {
    await rm(folder, { recursive: true });
  }
});
