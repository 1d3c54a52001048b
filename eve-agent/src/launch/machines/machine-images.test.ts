// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openMachineImages } from './machine-images.ts';

const SHA = 'a'.repeat(64);

describe('the images of machines', () => {
  const { signal } = new AbortController();
  let folder: string;
  let used: Set<string>;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'images-'));
    used = new Set();
    await writeFile(join(folder, 'a.raw'), 'content');
    await writeFile(join(folder, 'b.raw'), 'other');
  });
  afterEach(() => rm(folder, { recursive: true }));
  const open = () => openMachineImages(join(folder, 'images.json'), (id) => used.has(id));
  const image = (tag: string, name = 'a', sha256 = SHA) => ({
    ...{ tag, path: join(folder, `${name}.raw`), format: 'raw' as const, sha256 },
  });

  it('are there again when they are opened again', async () => {
    const added = await (await open()).add(image('eve_x:1'));
    expect(added).toEqual({
      id: expect.stringMatching(/^sha256:/),
      tag: 'eve_x:1',
      configDigest: `sha256:${SHA}`,
    });
    const images = await open();
    expect(images.find('eve_x:1')).toMatchObject({ id: added.id, diskBytes: 7 });
    expect(await images.inspectImage(added.id, signal)).toEqual({ id: added.id, tags: ['eve_x:1'] });
    expect(await images.listImages('eve_x', signal)).toHaveLength(1);
    expect(await images.listImages('eve', signal)).toEqual([]);
  });

  it('a tag is moved to the newer one; what nobody uses goes', async () => {
    const images = await open();
    const first = await images.add(image('eve_x:1'));
    const second = await images.add(image('eve_x:1', 'b', 'b'.repeat(64)));
    expect(images.find('eve_x:1')?.id).toBe(second.id);
    expect(images.find(first.id)).toBeUndefined();
    used.add(second.id);
    await images.add(image('eve_x:1'));
    expect(images.find(second.id)?.tags).toEqual([]);
  });

  it('one file that is read in two ways is two', async () => {
    const images = await open();
    await images.add(image('eve_x:1'));
    await expect(images.add({ ...image('eve_x:2'), format: 'qcow2' })).rejects.toThrow('no QCOW2');
    expect(images.find('eve_x:2')).toBeUndefined();
  });

  it('the last tag of one that a machine is made of stays', async () => {
    const images = await open();
    const { id } = await images.add(image('eve_x:1'));
    await images.tagImage('eve_x:1', 'eve_x', 'latest', signal);
    used.add(id);
    await images.untagImage('eve_x:1', signal);
    await expect(images.untagImage('eve_x:latest', signal)).rejects.toMatchObject({ status: 409 });
    used.clear();
    await images.untagImage('eve_x:latest', signal);
    expect(images.find(id)).toBeUndefined();
  });

  it.each(['x', 'Eve:1', '../a:1', 'a:..', 'a:b c'])('"%s" is no tag', async (tag) => {
    await expect((await open()).add(image(tag))).rejects.toThrow('no tag');
  });
});
