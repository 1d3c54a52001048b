// SPDX-License-Identifier: Apache-2.0
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  blobOf,
  createTestRegistry,
  DAY_MS,
  digestOf,
  HOUR_MS,
  manifestOf,
  pieces,
  type TestRegistry,
} from './testing/test-registry.ts';

const NAME = 'project/app';
let test: TestRegistry;
beforeEach(async () => {
  test = await createTestRegistry();
});
afterEach(() => test.remove());

const collect = () => test.registry.collection.run();
const reads = async (name: string, ...contents: string[]) => {
  const found: string[] = [];
  for (const content of contents) {
    if ((await test.read(name, content)) !== undefined) found.push(content);
  }
  return found;
};
const trash = () => readdir(join(test.root, '.oci/trash'), { recursive: true }).catch(() => []);

describe('a collection', () => {
  it('takes what no image has, says so beforehand, and removes it for good later', async () => {
    await test.pushImage(NAME, 'v1', ['shared', 'old']);
    await test.pushImage(NAME, 'v2', ['shared', 'new']);
    await test.registry.deleteManifest(NAME, digestOf('manifest of shared,old'));
    expect((await collect()).blobs).toBe(0);
    test.leasesEnd();
    const planned = test.registry.collection.plan();
    expect(planned).toMatchObject({ blobs: 3, paused: undefined });
    expect(planned.sentences).toEqual([
      expect.stringMatching(/^3 blobs, \d+ bytes, belong to no image: moved to the trash\.$/),
    ]);
    expect(await collect()).toEqual(planned);
    expect(await reads(NAME, 'shared', 'new', 'old')).toEqual(['shared', 'new']);
    expect(test.registry.state()).toMatchObject({ blobs: 4, trashed: 3 });
    test.pass(HOUR_MS);
    await test.registry.collectAbandoned();
    expect(await trash()).toHaveLength(0);
    expect(test.registry.state()).toMatchObject({ blobs: 4, trashed: 0, trashBytes: 0 });
    expect((await collect()).sentences).toEqual(['Everything belongs to an image: nothing to collect.']);
  });

  it('empties the trash of all the others where one of them cannot be removed', async () => {
    for (const content of ['a', 'b', 'c']) await test.push(NAME, content);
    test.leasesEnd();
    expect((await collect()).blobs).toBe(3);
    const [batch = ''] = await readdir(join(test.root, '.oci/trash'));
    const folder = join(test.root, '.oci/trash', batch);
    const [stuck = ''] = await readdir(folder);
    await rm(join(folder, stuck));
    await mkdir(join(folder, stuck, 'in the way'), { recursive: true });
    test.pass(HOUR_MS);
    await test.registry.collectAbandoned();
    expect(await readdir(folder)).toEqual([stuck]);
    expect(test.registry.state().trashed).toBe(1);
    expect(await test.registry.makeRoom()).toBe(false);
    await test.push(NAME, 'd');
    expect(await reads(NAME, 'd')).toEqual(['d']);
  });

  it.each<[string, () => Promise<unknown>]>([
    ['an upload', () => test.push(NAME, 'x')],
    [
      'a mount',
      async () => {
        await test.push('other', 'x');
        await test.registry.mountBlob(digestOf('x'), { from: 'other', to: NAME, mayPull: () => true });
      },
    ],
    [
      'a look before a push',
      async () => {
        await test.pushImage(NAME, 'v1', ['x']);
        test.leasesEnd();
        await test.registry.statBlob(NAME, digestOf('x'), { isForPush: true });
        await test.registry.deleteManifest(NAME, digestOf('manifest of x'));
      },
    ],
  ])('leaves alone what was promised by %s, for a day, also over restarts', async (_what, promise) => {
    await promise();
    for (const pause of [0, DAY_MS / 2, DAY_MS / 2 - 2 * HOUR_MS]) {
      test.pass(pause);
      await collect();
      expect(await reads(NAME, 'x')).toEqual(['x']);
      await test.restart();
    }
    const put = test.registry.putManifest(NAME, manifestOf('late', [blobOf('x')]));
    await expect(put).resolves.toMatchObject({ isNew: true });
    test.leasesEnd();
    await collect();
    expect(await reads(NAME, 'x')).toEqual(['x']);
  });

  it('lets what is asked for again come back from the trash', async () => {
    await test.push(NAME, 'x');
    test.pass(DAY_MS);
    expect((await collect()).blobs).toBe(1);
    expect(test.registry.state().trashed).toBe(1);
    await test.registry.putManifest(NAME, manifestOf('late', [blobOf('x')]));
    expect(test.registry.state().trashed).toBe(0);
    expect(await reads(NAME, 'x')).toEqual(['x']);
  });

  it('lets what is pushed again come out of the trash', async () => {
    await test.push(NAME, 'x');
    test.pass(DAY_MS);
    await collect();
    await test.push('other', 'x');
    expect(test.registry.state()).toMatchObject({ trashed: 0, blobs: 1 });
    expect(await trash()).toEqual([expect.stringMatching(/^[0-9a-f]{16}$/)]);
    expect(await reads('other', 'x')).toEqual(['x']);
  });

  it('that was cut off is made good at the next start', async () => {
    await test.pushImage(NAME, 'v1', ['a', 'b']);
    const { registry } = test;
    const entry = [...registry.verifiables()].map(({ digest }) => digest);
    await test.registry.deleteManifest(NAME, digestOf('manifest of a,b'));
    test.leasesEnd();
    await collect();
    expect(test.registry.state().trashed).toBe(entry.length);
    // The record that names them is written by a program that was killed before it could have them back.
    await test.restart();
    expect(test.registry.state().trashed).toBe(entry.length);
    await test.registry.collection.emptyTrash();
    expect(test.registry.state().trashed).toBe(entry.length);
    test.pass(HOUR_MS);
    await test.registry.collection.emptyTrash();
    expect(test.registry.state().trashed).toBe(0);
  });

  it('keeps the children of indexes, however deep, shared or missing, and what refers to kept ones', async () => {
    await test.restart({ untaggedMs: DAY_MS });
    const { registry } = test;
    await registry.putManifest(NAME, manifestOf('child', []));
    await registry.putManifest(NAME, manifestOf('loner', []));
    const inner = { ...manifestOf('inner', []), children: [digestOf('child'), digestOf('never here')] };
    await registry.putManifest(NAME, inner);
    await registry.putManifest(NAME, {
      ...manifestOf('outer', []),
      children: [digestOf('inner')],
      tags: ['v1'],
    });
    await registry.putManifest(NAME, { ...manifestOf('signature', []), subject: digestOf('child') });
    await registry.putManifest(NAME, { ...manifestOf('lost', []), subject: digestOf('loner') });
    test.pass(DAY_MS);
    expect(registry.collection.plan().sentences[0]).toBe(
      '2 manifests of project/app without a tag: removed.',
    );
    expect((await collect()).manifests.map(({ digest }) => digest).sort()).toEqual(
      ['loner', 'lost'].map((each) => `sha256:${digestOf(each).hex}`).sort(),
    );
    for (const kept of ['child', 'inner', 'outer', 'signature']) {
      expect(await registry.readManifest(NAME, { digest: digestOf(kept) })).toBeDefined();
    }
  });

  it('empties the trash when there is no room otherwise', async () => {
    await test.remove();
    test = await createTestRegistry({ quotaBytes: 1000 });
    await test.push(NAME, 'x'.repeat(800));
    await expect(test.push(NAME, 'y'.repeat(800))).rejects.toMatchObject({ code: 'QUOTA_EXCEEDED' });
    test.leasesEnd();
    await collect();
    expect(test.registry.usedBytes()).toBe(800);
    await test.push(NAME, 'y'.repeat(800));
    expect(test.registry.state()).toMatchObject({ blobBytes: 800, trashBytes: 0 });
  });

  it('goes on where a lease that has ended cannot be removed', async () => {
    for (const content of ['a', 'b']) await test.push(NAME, content);
    const leases = join(test.root, '.oci/repositories', NAME, '_leases');
    const [stuck = '', other = ''] = await readdir(leases);
    await rm(join(leases, stuck));
    await mkdir(join(leases, stuck, 'in the way'), { recursive: true });
    test.leasesEnd();
    expect((await collect()).blobs).toBe(2);
    expect(await readdir(leases)).toEqual([stuck]);
    expect(other).toMatch(/^sha256-/);
  });

  // distribution #3178, #3004, #2914: what an index with a tag is made of goes, since its children have no tags.
  it('keeps the blobs of children that indexes share, when one of these goes', async () => {
    await test.restart({ untaggedMs: 0 });
    const { registry } = test;
    for (const content of ['own', 'shared', 'left']) await test.push(NAME, content);
    const child = (content: string) =>
      registry.putManifest(NAME, manifestOf(`child ${content}`, [blobOf(content)]));
    const index = (tag: string, ...children: string[]) =>
      registry.putManifest(NAME, {
        ...manifestOf(`index ${children.join()}`, []),
        ...{ tags: [tag], children: children.map((each) => digestOf(`child ${each}`)) },
      });
    for (const content of ['own', 'shared', 'left']) await child(content);
    await index('kept', 'own', 'shared', 'never here');
    await index('going', 'shared', 'left');
    await registry.deleteTag(NAME, 'going');
    test.leasesEnd();
    expect((await collect()).manifests).toHaveLength(2);
    test.pass(HOUR_MS);
    await registry.collection.emptyTrash();
    for (const _start of [1, 2]) {
      expect(await reads(NAME, 'own', 'shared', 'left')).toEqual(['own', 'shared']);
      await test.restart({ untaggedMs: 0 });
      await collect();
    }
  });

  it('removes uploads of which nothing comes', async () => {
    const { id } = await test.registry.createUpload(NAME);
    await test.registry.appendUpload(NAME, id, 0, pieces('x'));
    test.pass(DAY_MS);
    expect(await test.registry.collectAbandoned()).toBe(1);
    expect(await readdir(join(test.root, '.incoming'))).toEqual([]);
  });
});

// Reports of other registries: what was acknowledged is lost when a collection comes between (distribution #2881).
it('loses nothing of four who push and move tags while it runs without pause', async () => {
  let isOver = false;
  const collecting = (async () => {
    while (!isOver) {
      await collect();
      await test.registry.collection.emptyTrash({ isAll: true });
      await nextTurn();
    }
  })();
  await Promise.all(
    ['a', 'b', 'c', 'd'].map(async (name, index) => {
      for (let round = 0; round < 10; round += 1) {
        const layers = ['common', `of round ${round}`, `of ${index % 2} in ${round}`];
        const { digest } = await test.pushImage(name, 'latest', layers);
        expect(await test.registry.readManifest(name, { tag: 'latest' })).toMatchObject({ digest });
        expect(await reads(name, ...layers)).toEqual(layers);
        if (round % 3 === 0) await test.registry.deleteManifest(name, digest);
        else test.pass(HOUR_MS / 2);
      }
    }),
  );
  isOver = true;
  await collecting;
  expect(test.registry.state()).toMatchObject({ damaged: 0, uploads: 0 });
});
