// SPDX-License-Identifier: Apache-2.0
/** Images that QEMU made are sound, and damaged ones are not: in our words as in QEMU's. */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { validateBytes } from '../../datastore-app/src/formats/testing/validate-bytes.ts';
import { checkByQemu } from '../../datastore-app/src/operations/qemu-check.ts';
import { describeWith } from '../requirements.ts';

const run = promisify(execFile);
const { signal } = new AbortController();

describeWith(['qemu-img'], 'images of QEMU', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'qemu-images-'));
    await writeFile(join(folder, 'disk.raw'), Buffer.concat([randomBytes(3 << 20), Buffer.alloc(5 << 20)]));
  });
  afterAll(() => rm(folder, { recursive: true }));

  async function make(format: string, ...options: readonly string[]): Promise<string> {
    const file = join(folder, `${[format, ...options].join('-').replace(/\W+/g, '-')}.img`);
    await run('qemu-img', ['convert', '-f', 'raw', '-O', format, ...options, join(folder, 'disk.raw'), file]);
    return file;
  }

  it.each([
    ['qcow2', 'qcow2'],
    ['qcow2', 'qcow2', '-c'],
    ['qcow2', 'qcow2', '-o', 'compat=0.10'],
    ['qcow2', 'qcow2', '-o', 'cluster_size=512'],
    ['qcow2', 'qcow2', '-o', 'refcount_bits=1'],
    ['qcow2', 'qcow2', '-o', 'extended_l2=on'],
    ['vmdk', 'vmdk'],
    ['vmdk', 'vmdk', '-o', 'subformat=streamOptimized'],
    ['vhd', 'vpc'],
    ['vhd', 'vpc', '-o', 'subformat=fixed'],
    ['vhdx', 'vhdx'],
    ['qcow', 'qcow'],
  ])('of %s (%s %s %s) are sound', async (format, ...made) => {
    const [type = '', ...options] = made.filter((each) => each !== undefined);
    expect(await validateBytes(await readFile(await make(type, ...options)))).toEqual({
      format,
      defects: [],
    });
  });

  it('are damaged where QEMU says so, and its word is passed on', async () => {
    const file = await make('qcow2', '-o', 'refcount_bits=16');
    expect(await checkByQemu(file, 'qcow2', signal)).toEqual([]);
    const content = await readFile(file);
    // The block of reference counts.
    const table = Number(content.readBigUInt64BE(48));
    const block = Number(content.readBigUInt64BE(table));
    content.fill(0, block, block + 64);
    await writeFile(file, content);
    expect(await checkByQemu(file, 'qcow2', signal)).toMatchObject([{ code: 'DAMAGED' }]);
    expect((await validateBytes(content)).defects).toMatchObject([{ code: 'DAMAGED' }]);
    // A format that it cannot check says nothing of the image.
    expect(await checkByQemu(file, 'raw', signal)).toBeUndefined();
  });
});
