// SPDX-License-Identifier: Apache-2.0
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createTestRegistry, digestOf, manifestOf, type TestRegistry } from './testing/test-registry.ts';

let test: TestRegistry;
beforeEach(async () => {
  test = await createTestRegistry();
});
afterEach(() => test.remove());

const recordFile = (name: string) => join(test.root, '.oci', 'repositories', name, '_repository.json');
const names = async () => (await test.registry.listRepositories({ limit: 100, isVisible: () => true })).names;
const tagsOf = async (name: string) => (await test.registry.listTags(name, { limit: 100 }))?.names;

describe('a repository that is renamed', () => {
  it('has everything at its new name, and nothing at the old one, also after a restart', async () => {
    await test.pushImage('lab/app', '1', ['a', 'b']);
    await test.pushImage('lab/app', '2', ['a', 'c']);
    await test.registry.releaseTag('lab/app', '1', true);
    await test.registry.releaseTag('lab/app', '1', false);
    expect(await test.registry.renameRepository('lab/app', 'prod/app')).toBe(true);
    for (const again of [false, true]) {
      if (again) await test.restart();
      expect(await names()).toEqual(['prod/app']);
      expect(await tagsOf('prod/app')).toEqual(['1', '2']);
      expect(await tagsOf('lab/app')).toBeUndefined();
      expect(await test.read('prod/app', 'c')).toBe('c');
      expect(test.registry.recordOf('prod/app')?.versions).toHaveLength(2);
    }
    test.leasesEnd();
    expect((await test.registry.collection.run()).blobs).toBe(0);
    expect(await test.read('prod/app', 'a')).toBe('a');
    expect(await test.read('lab/app', 'a')).toBeUndefined();
  });

  it('takes no other name away', async () => {
    await test.pushImage('lab/app', '1', ['a']);
    await test.pushImage('prod/app', '1', ['b']);
    await expect(test.registry.renameRepository('lab/app', 'prod/app')).rejects.toMatchObject({
      code: 'NAME_TAKEN',
    });
    await expect(test.registry.renameRepository('lab/app', 'lab/app')).rejects.toMatchObject({
      code: 'NAME_TAKEN',
    });
    expect(await test.registry.renameRepository('lab/none', 'lab/other')).toBe(false);
    expect(await names()).toEqual(['lab/app', 'prod/app']);
  });

  it('keeps its name where a tag of it is released', async () => {
    await test.pushImage('lab/app', '1', ['a']);
    await test.registry.releaseTag('lab/app', '1', true);
    await expect(test.registry.renameRepository('lab/app', 'b')).rejects.toMatchObject({
      code: 'TAG_RELEASED',
    });
    await expect(test.registry.purgeRepository('lab/app')).rejects.toMatchObject({ code: 'TAG_RELEASED' });
    await expect(test.registry.renameTag('lab/app', '1', '2')).rejects.toMatchObject({
      code: 'TAG_RELEASED',
    });
  });

  it('can have its old name again, and another take its place', async () => {
    await test.pushImage('a', '1', ['one']);
    await test.registry.renameRepository('a', 'b');
    await test.pushImage('a', '1', ['two']);
    await expect(test.registry.renameRepository('b', 'a')).rejects.toMatchObject({ code: 'NAME_TAKEN' });
    await test.registry.renameRepository('a', 'c');
    await test.registry.renameRepository('b', 'a');
    await test.restart();
    expect(await names()).toEqual(['a', 'c']);
    expect(await test.read('a', 'one')).toBe('one');
  });

  it('has one name where the program ended between its two records', async () => {
    await test.pushImage('lab/app', '1', ['a']);
    const kept = join(test.root, 'kept');
    await copyFile(recordFile('lab/app'), kept);
    await test.registry.renameRepository('lab/app', 'lab/app/inner');
    await mkdir(dirname(recordFile('lab/app')), { recursive: true });
    await copyFile(kept, recordFile('lab/app'));
    await test.restart();
    expect(await names()).toEqual(['lab/app/inner']);
    await expect(readFile(recordFile('lab/app'))).rejects.toMatchObject({ code: 'ENOENT' });
    await test.restart();
    expect(await names()).toEqual(['lab/app/inner']);
  });

  it('takes nothing away that was pushed under the old name since', async () => {
    await test.pushImage('a', '1', ['one']);
    await test.registry.renameRepository('a', 'b');
    await test.pushImage('a', '1', ['one']);
    await test.restart();
    expect(await names()).toEqual(['a', 'b']);
    expect(await tagsOf('a')).toEqual(['1']);
  });

  it('keeps its old name where the new one cannot be written', async () => {
    await test.pushImage('a', '1', ['one']);
    await writeFile(join(test.root, '.oci', 'repositories', 'b'), 'a file where a folder is needed');
    await expect(test.registry.renameRepository('a', 'b')).rejects.toMatchObject({ code: 'PATH_TAKEN' });
    expect(await names()).toEqual(['a']);
    await test.restart();
    expect(await tagsOf('a')).toEqual(['1']);
  });

  it('is found at one of its names by whoever pushes meanwhile', async () => {
    await test.pushImage('a', '1', ['one']);
    const pushes = Array.from({ length: 10 }, async (_, index) => {
      await test.push('a', `layer ${index}`);
      await test.registry.putManifest('a', { ...manifestOf(`m${index}`, []), tags: [`t${index}`] });
    });
    await Promise.all([
      ...pushes,
      test.registry.renameRepository('a', 'b'),
      test.registry.renameRepository('b', 'a').catch(() => {}),
    ]);
    const all = await Promise.all(['a', 'b'].map(async (name) => (await tagsOf(name)) ?? []));
    expect(all.flat().sort()).toEqual(['1', ...Array.from({ length: 10 }, (_, index) => `t${index}`)].sort());
  });
});

describe('a repository that is purged', () => {
  it('is gone, with what nobody else has, also after a restart', async () => {
    await test.pushImage('lab/app', '1', ['shared', 'own']);
    await test.pushImage('lab/other', '1', ['shared']);
    expect(await test.registry.purgeRepository('lab/app')).toBe(true);
    expect(await test.registry.purgeRepository('lab/app')).toBe(false);
    for (const again of [false, true]) {
      if (again) await test.restart();
      expect(await names()).toEqual(['lab/other']);
      expect(await tagsOf('lab/app')).toBeUndefined();
    }
    test.leasesEnd();
    await test.registry.collection.run();
    expect(await test.read('lab/other', 'shared')).toBe('shared');
    await test.pushImage('lab/app', '2', ['new']);
    expect(await tagsOf('lab/app')).toEqual(['2']);
  });

  it('leaves repositories below it', async () => {
    await test.pushImage('lab/app', '1', ['a']);
    await test.pushImage('lab/app/inner', '1', ['b']);
    await test.registry.purgeRepository('lab/app');
    expect(await names()).toEqual(['lab/app/inner']);
  });
});

describe('a tag', () => {
  it('that is renamed takes its versions along', async () => {
    const first = await test.pushImage('a', 'dev', ['one']);
    const second = await test.pushImage('a', 'dev', ['two']);
    expect(await test.registry.renameTag('a', 'dev', 'stable')).toBe(true);
    await test.restart();
    expect(await tagsOf('a')).toEqual(['stable']);
    expect(test.registry.recordOf('a')?.versions.map(({ tag, digest }) => [tag, digest])).toEqual(
      [first, second].map(({ digest }) => ['stable', `sha256:${digest.hex}`]),
    );
    expect(await test.registry.renameTag('a', 'dev', 'x')).toBe(false);
    expect(await test.registry.renameTag('none', 'dev', 'x')).toBe(false);
    await test.pushImage('a', 'dev', ['two']);
    await expect(test.registry.renameTag('a', 'dev', 'stable')).rejects.toMatchObject({ code: 'NAME_TAKEN' });
  });

  it('of the next version is the next number, whoever comes at once', async () => {
    await test.pushImage('a', '7', ['old']);
    await test.pushImage('a', '01', ['no version']);
    const images = await Promise.all(
      ['x', 'y', 'z'].map((layer) => test.pushImage('a', `built-${layer}`, [layer])),
    );
    const versions = await Promise.all(
      images.map(({ digest }) => test.registry.tagNextVersion('a', digest, 'me')),
    );
    expect(versions.sort()).toEqual(['10', '8', '9']);
    const latest = test.registry.recordOf('a')?.tags.get('latest');
    expect(latest).toMatchObject({ digest: test.registry.recordOf('a')?.tags.get('10')?.digest, by: 'me' });
  });

  it('of the last version is not counted again', async () => {
    const { digest } = await test.pushImage('a', 'built', ['one']);
    expect(await test.registry.tagNextVersion('a', digest)).toBe('1');
    expect(await test.registry.tagNextVersion('a', digest)).toBe('1');
    expect(await test.registry.tagNextVersion('a', digestOf('nothing'))).toBeUndefined();
    expect(await test.registry.tagNextVersion('none', digest)).toBeUndefined();
  });
});
