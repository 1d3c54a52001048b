// SPDX-License-Identifier: Apache-2.0
import { chmod, mkdir, readdir, readFile, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { formatDigest } from '@local-datastore/shared/oci/digest';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  blobOf,
  createTestRegistry,
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

const code = (error: string) => expect.objectContaining({ code: error });

describe('blobs', () => {
  it('are had back byte for byte, also after a restart, and are read-only', async () => {
    await test.push(NAME, 'hello');
    expect(await test.read(NAME, 'hello')).toBe('hello');
    await test.restart();
    expect(await test.read(NAME, 'hello')).toBe('hello');
    const { hex } = digestOf('hello');
    const file = join(test.root, '.oci/blobs/sha256', hex.slice(0, 2), hex);
    expect((await stat(file)).mode & 0o777).toBe(0o444);
    expect(await readFile(join(test.root, '.oci/version'), 'utf8')).toBe('{"version":1}\n');
    expect(test.registry.state()).toMatchObject({ blobs: 1, blobBytes: 5, uploads: 0, damaged: 0 });
  });

  it('may have a sha512', async () => {
    const { id } = await test.registry.createUpload(NAME, { algorithm: 'sha512' });
    await test.registry.appendUpload(NAME, id, undefined, pieces('x'));
    const digest = digestOf('x', 'sha512');
    await test.registry.finishUpload(NAME, id, digest);
    expect(await test.registry.statBlob(NAME, digest, { isForPush: false })).toEqual({
      digest,
      sizeBytes: 1,
    });
    expect(await test.registry.statBlob(NAME, digestOf('x'), { isForPush: false })).toBeUndefined();
  });

  it('can be read only in repositories that have them', async () => {
    await test.push(NAME, 'secret');
    expect(await test.read('other', 'secret')).toBeUndefined();
    const digest = digestOf('secret');
    const from = { from: undefined, to: 'other' };
    expect(await test.registry.mountBlob(digest, { ...from, mayPull: () => false })).toBe(false);
    expect(await test.registry.mountBlob(digest, { ...from, from: 'third', mayPull: () => true })).toBe(
      false,
    );
    expect(await test.read('other', 'secret')).toBeUndefined();
    expect(await test.registry.mountBlob(digest, { ...from, mayPull: (name) => name === NAME })).toBe(true);
    expect(await test.read('other', 'secret')).toBe('secret');
    await test.restart();
    expect(await test.read('other', 'secret')).toBe('secret');
    expect(test.registry.state().blobs).toBe(1);
  });

  it('are stored once, however many push them at once', async () => {
    await Promise.all(['a', 'b', 'c', 'a'].map((name) => test.push(name, 'same')));
    for (const name of ['a', 'b', 'c']) expect(await test.read(name, 'same')).toBe('same');
    expect(test.registry.state()).toMatchObject({ blobs: 1, blobBytes: 4 });
    expect(await readdir(join(test.root, '.incoming'))).toEqual([]);
  });

  it('are taken away from one repository, and collected once none has them', async () => {
    const remove = (name: string, content: string) => test.registry.deleteBlob(name, digestOf(content));
    await test.push(NAME, 'shared');
    await test.push('other', 'shared');
    expect(await remove('third', 'shared')).toBe('absent');
    expect(await remove(NAME, 'shared')).toBe('deleted');
    expect(await remove(NAME, 'shared')).toBe('absent');
    await test.restart();
    expect([await test.read(NAME, 'shared'), await test.read('other', 'shared')]).toEqual([
      undefined,
      'shared',
    ]);
    await test.pushImage(NAME, 'v1', ['layer']);
    expect(await remove(NAME, 'layer')).toBe('needed');
    test.leasesEnd();
    expect(await remove(NAME, 'layer')).toBe('needed');
    await test.registry.collection.run();
    expect([await test.read(NAME, 'layer'), await test.read('other', 'shared')]).toEqual([
      'layer',
      undefined,
    ]);
  });

  it('of uploads are known to their repository alone', async () => {
    const { id } = await test.registry.createUpload(NAME);
    expect(await test.registry.findUpload('other', id)).toBeUndefined();
    expect(await test.registry.cancelUpload('other', id)).toBe(false);
    const unknown = code('UPLOAD_UNKNOWN');
    await expect(test.registry.appendUpload('other', id, 0, pieces('x'))).rejects.toEqual(unknown);
    await expect(test.registry.finishUpload('other', id, digestOf(''))).rejects.toEqual(unknown);
    await expect(test.registry.appendUpload(NAME, id, 1, pieces('x'))).rejects.toMatchObject({
      code: 'UPLOAD_OFFSET',
      details: { receivedBytes: 0 },
    });
    expect(await test.registry.cancelUpload(NAME, id)).toBe(true);
    await expect(test.registry.appendUpload(NAME, id, 0, pieces('x'))).rejects.toEqual(unknown);
  });

  it.each<[string, (file: string) => Promise<void>]>([
    [
      'cut short',
      async (file) => {
        await chmod(file, 0o644);
        await truncate(file, 2);
      },
    ],
    [
      'emptied',
      async (file) => {
        await chmod(file, 0o644);
        await truncate(file, 0);
      },
    ],
    ['removed', (file) => rm(file)],
    [
      'replaced by a link',
      async (file) => {
        await rm(file);
        await symlink('/etc/hostname', file);
      },
    ],
  ])('that are %s are not there until a push heals them', async (_what, damage) => {
    await test.pushImage(NAME, 'v1', ['layer']);
    const { hex } = digestOf('layer');
    const file = join(test.root, '.oci/blobs/sha256', hex.slice(0, 2), hex);
    for (const isRestarted of [false, true]) {
      await damage(file);
      if (isRestarted) await test.restart();
      expect(await test.registry.statBlob(NAME, digestOf('layer'), { isForPush: true })).toBeUndefined();
      expect(await test.read(NAME, 'layer')).toBeUndefined();
      expect(test.registry.state().damaged).toBe(1);
      await test.push(NAME, 'layer');
      expect(await test.read(NAME, 'layer')).toBe('layer');
      expect(test.registry.state().damaged).toBe(0);
    }
  });

  it('are read again by the scrub, and healed', async () => {
    await test.pushImage(NAME, 'v1', ['layer']);
    const { hex } = digestOf('layer');
    const path = `.oci/blobs/sha256/${hex.slice(0, 2)}/${hex}`;
    const listed = [...test.registry.verifiables()];
    expect(listed).toHaveLength(3);
    const found = listed.find((each) => each.path === path);
    if (found === undefined) throw new Error('not listed');
    const { version } = found;
    expect(found).toMatchObject({ digest: digestOf('layer'), version: { sizeBytes: 5 } });
    const verified = new Date(0).toISOString();
    await test.registry.noteVerified([{ path, version, verified, isCorrupt: true }]);
    expect(await test.read(NAME, 'layer')).toBeUndefined();
    await test.restart();
    expect(await test.read(NAME, 'layer')).toBeUndefined();
    expect(test.registry.state().damaged).toBe(1);
    const again = { path: `${path}.damaged`, version, verified, isCorrupt: false };
    await test.registry.noteVerified([again]);
    expect(await test.read(NAME, 'layer')).toBe('layer');
    expect(test.registry.state().damaged).toBe(0);
  });

  it('count as read when they come, and it is remembered when they were read', async () => {
    const verified = () => [...test.registry.verifiables()].map((each) => each.verified);
    await test.pushImage(NAME, 'v1', ['layer']);
    const before = Date.now() + HOUR_MS;
    expect(verified().map((time) => Date.parse(time ?? '') < before)).toEqual([true, true, true]);
    // Of what no scrub has noted nothing is known after a restart: it is read again first.
    await test.restart();
    expect(verified()).toEqual([null, null, null]);
    const time = new Date(HOUR_MS).toISOString();
    const note = (some: (path: string) => boolean) =>
      test.registry.noteVerified(
        [...test.registry.verifiables()]
          .filter(({ path }) => some(path))
          .map(({ path, version }) => ({ path, version, verified: time, isCorrupt: false })),
      );
    const { hex } = digestOf('layer');
    const isLayer = (path: string) => path.endsWith(hex);
    await note(isLayer);
    await test.restart();
    expect(verified().toSorted()).toEqual([time, null, null]);
    await note((path) => !isLayer(path));
    await test.restart();
    expect(verified()).toEqual([time, time, time]);
  });
});

describe('manifests', () => {
  it('are had back byte for byte by tag and by digest, also after a restart', async () => {
    const { digest, bytes } = await test.pushImage(NAME, 'v1', ['layer']);
    for (const _start of [1, 2]) {
      const stored = { digest, mediaType: 'application/x', bytes };
      expect(await test.registry.readManifest(NAME, { tag: 'v1' })).toEqual(stored);
      expect(await test.registry.readManifest(NAME, { digest })).toEqual(stored);
      expect(await test.registry.statManifest(NAME, { tag: 'v1' })).toMatchObject({
        sizeBytes: bytes.length,
      });
      expect(await test.registry.readManifest(NAME, { tag: 'v2' })).toBeUndefined();
      expect(await test.registry.readManifest('other', { digest })).toBeUndefined();
      await test.restart();
    }
  });

  it('are refused while blobs of theirs are missing, or of another size, or of another repository', async () => {
    await test.push(NAME, 'here');
    await test.push('other', 'there');
    const [here, there] = [blobOf('here'), blobOf('there')];
    await expect(test.registry.putManifest(NAME, manifestOf('m', [here, there]))).rejects.toMatchObject({
      code: 'MANIFEST_BLOB_UNKNOWN',
      details: { digests: [formatDigest(there.digest)] },
    });
    const wrong = manifestOf('m', [{ ...here, sizeBytes: 5 }]);
    await expect(test.registry.putManifest(NAME, wrong)).rejects.toEqual(code('SIZE_MISMATCH'));
    expect(await test.registry.listTags(NAME, { limit: 10 })).toBeUndefined();
    const put = await test.registry.putManifest(NAME, manifestOf('m', [here, here]));
    expect(put.isNew).toBe(true);
    expect((await test.registry.putManifest(NAME, manifestOf('m', [here]))).isNew).toBe(false);
  });

  it('move their tags, all at once, unless one is released', async () => {
    const first = await test.pushImage(NAME, 'v1', ['a']);
    const second = await test.pushImage(NAME, 'latest', ['b']);
    expect(await test.registry.releaseTag(NAME, 'v1', true)).toBe(true);
    expect(await test.registry.releaseTag(NAME, 'none', true)).toBe(false);
    const released = code('TAG_RELEASED');
    const moving = { ...second.manifest, tags: ['v2', 'v1'] };
    await expect(test.registry.putManifest(NAME, moving)).rejects.toEqual(released);
    expect((await test.registry.listTags(NAME, { limit: 9 }))?.names).toEqual(['latest', 'v1']);
    await expect(test.registry.deleteTag(NAME, 'v1')).rejects.toEqual(released);
    await expect(test.registry.deleteManifest(NAME, first.digest)).rejects.toEqual(released);
    await test.registry.putManifest(NAME, { ...first.manifest, tags: ['v1'] });
    await test.registry.releaseTag(NAME, 'v1', false);
    await test.registry.putManifest(NAME, moving);
    expect((await test.registry.readManifest(NAME, { tag: 'v1' }))?.digest).toEqual(second.digest);
  });

  it('take their tags with them, and stay while an index names them', async () => {
    const { digest } = await test.pushImage(NAME, 'v1', ['a']);
    await test.registry.putManifest(NAME, { ...manifestOf('index', []), children: [digest], tags: ['all'] });
    await expect(test.registry.deleteManifest(NAME, digest)).rejects.toMatchObject({
      code: 'MANIFEST_REFERENCED',
      details: { digests: [formatDigest(digestOf('index'))] },
    });
    expect(await test.registry.deleteManifest(NAME, digest, { isForced: true })).toBe(true);
    expect(await test.registry.deleteManifest(NAME, digest)).toBe(false);
    expect((await test.registry.listTags(NAME, { limit: 9 }))?.names).toEqual(['all']);
    expect(await test.registry.deleteTag(NAME, 'all')).toBe(true);
    expect(await test.registry.deleteTag(NAME, 'all')).toBe(false);
    expect(await test.registry.readManifest(NAME, { digest: digestOf('index') })).toBeDefined();
  });

  it('that are damaged are not promised, and healed by a push', async () => {
    const { digest, manifest, bytes } = await test.pushImage(NAME, 'v1', ['a']);
    const file = join(test.root, '.oci/blobs/sha256', digest.hex.slice(0, 2), digest.hex);
    await chmod(file, 0o644);
    await writeFile(
      file,
      bytes.map((byte) => byte ^ 1),
    );
    expect(await test.registry.readManifest(NAME, { tag: 'v1' })).toBeUndefined();
    expect(await test.registry.statManifest(NAME, { tag: 'v1' })).toBeUndefined();
    await test.registry.putManifest(NAME, { ...manifest, tags: [] });
    expect((await test.registry.readManifest(NAME, { tag: 'v1' }))?.bytes).toEqual(bytes);
  });

  it('are found by what they refer to', async () => {
    const subject = digestOf('not here');
    for (const [text, artifactType] of [
      ['s1', 'a/x'],
      ['s2', 'a/y'],
      ['s3', undefined],
    ] as const) {
      await test.registry.putManifest(NAME, { ...manifestOf(text, []), subject, artifactType });
    }
    const types = async (type?: string) =>
      (await test.registry.listReferrers(NAME, subject, type)).map(({ artifactType }) => artifactType).sort();
    await test.restart();
    expect(await types()).toEqual(['a/x', 'a/y', undefined]);
    expect(await types('a/y')).toEqual(['a/y']);
    await test.registry.deleteManifest(NAME, digestOf('s2'));
    expect(await types()).toEqual(['a/x', undefined]);
    expect(await test.registry.listReferrers('other', subject)).toEqual([]);
  });
});

describe('lists', () => {
  it('are in pages, of tags that may have any name', async () => {
    const tags = ['__proto__', 'b', 'constructor', 'a', 'B', '_'];
    await test.registry.putManifest(NAME, { ...manifestOf('m', []), tags });
    await test.restart();
    const list = async (last: string | undefined, limit: number) =>
      test.registry.listTags(NAME, { last, limit });
    const sorted = ['B', '_', '__proto__', 'a', 'b', 'constructor'];
    expect(await list(undefined, 100)).toEqual({ names: sorted, isMore: false });
    expect(await list(undefined, 6)).toEqual({ names: sorted, isMore: false });
    expect(await list('_', 2)).toEqual({ names: ['__proto__', 'a'], isMore: true });
    expect(await list('aa', 9)).toEqual({ names: ['b', 'constructor'], isMore: false });
    expect(await list('z', 9)).toEqual({ names: [], isMore: false });
    expect(await list(undefined, 0)).toEqual({ names: [], isMore: true });
  });

  it('hold the repositories with manifests that may be seen, whole pages of them', async () => {
    for (const name of ['a', 'a/b', 'b', 'c', 'd']) {
      await test.registry.putManifest(name, manifestOf('m', []));
    }
    await test.push('only-blobs', 'x');
    const isVisible = (name: string) => name !== 'b';
    const list = (last: string | undefined, limit: number) =>
      test.registry.listRepositories({ last, limit, isVisible });
    expect(await list(undefined, 3)).toEqual({ names: ['a', 'a/b', 'c'], isMore: true });
    expect(await list('c', 3)).toEqual({ names: ['d'], isMore: false });
    await test.registry.deleteManifest('a', digestOf('m'));
    expect((await list(undefined, 9)).names).toEqual(['a/b', 'c', 'd']);
    expect(await test.registry.listTags('a', { limit: 9 })).toEqual({ names: [], isMore: false });
  });
});

describe('what stands on the disk', () => {
  it.each([
    ['cut short', '{"version":1,"na'],
    ['empty', ''],
    ['of another version', '{"version":2}'],
    [
      'of another repository',
      JSON.stringify({
        version: 1,
        name: 'x',
        created: '2026-01-01T00:00:00Z',
        tags: [],
        manifests: [],
        versions: [],
      }),
    ],
  ])('as a record that is %s stops its repository alone, and no blob is collected', async (_what, text) => {
    await test.pushImage(NAME, 'v1', ['a']);
    await test.pushImage('other', 'v1', ['b']);
    const file = join(test.root, '.oci/repositories', NAME, '_repository.json');
    await writeFile(file, text);
    test.leasesEnd();
    await test.restart();
    const unreadable = code('REPOSITORY_UNREADABLE');
    await expect(test.registry.readManifest(NAME, { tag: 'v1' })).rejects.toEqual(unreadable);
    await expect(test.registry.putManifest(NAME, manifestOf('m', []))).rejects.toEqual(unreadable);
    await expect(test.registry.createUpload(NAME)).rejects.toEqual(unreadable);
    expect(await test.registry.readManifest('other', { tag: 'v1' })).toBeDefined();
    expect(test.registry.state().unreadable).toEqual([{ name: NAME, reason: expect.any(String) }]);
    expect((await test.registry.collection.run()).paused).toContain(NAME);
    expect(await readFile(file, 'utf8')).toBe(text);
  });

  it('is not followed where it is a link', async () => {
    const outside = `${test.root}-outside`;
    await test.pushImage(NAME, 'v1', ['a']);
    await symlink('/etc/hostname', join(test.root, '.oci/repositories', NAME, '_repository.json.new'));
    await test.pushImage(NAME, 'v2', ['a']);
    await symlink(outside, join(test.root, '.oci/repositories/linked'));
    const taken = code('PATH_TAKEN');
    await expect(test.registry.putManifest('linked', manifestOf('m', []))).rejects.toEqual(taken);
    await expect(test.push('linked/below', 'x')).rejects.toEqual(taken);
    await rm(join(test.root, '.oci/blobs'), { recursive: true });
    await symlink(outside, join(test.root, '.oci/blobs'));
    await expect(test.push(NAME, 'y')).rejects.toEqual(taken);
    await test.restart();
    expect(await readdir(outside).catch(() => 'nothing')).toBe('nothing');
  });

  it('of another version of this program is left alone', async () => {
    await test.pushImage(NAME, 'v1', ['a']);
    await writeFile(join(test.root, '.oci/version'), '{"version":2}');
    await test.restart();
    await expect(test.push(NAME, 'x')).rejects.toEqual(code('REPOSITORY_UNREADABLE'));
    expect(test.registry.state().troubles).toEqual([expect.stringContaining('another version')]);
  });

  it('of an upload that is of no use, and cannot be removed, stops nothing', async () => {
    await test.pushImage(NAME, 'v1', ['a']);
    const { id } = await test.registry.createUpload(NAME);
    for (const name of [`${'a'.repeat(32)}.oci`, 'registry-x.staged']) {
      await mkdir(join(test.root, '.incoming', name));
    }
    await test.restart();
    expect(await test.read(NAME, 'a')).toBe('a');
    expect(await test.registry.findUpload(NAME, id)).toEqual({ id, receivedBytes: 0 });
  });

  it('is nothing before something is pushed', async () => {
    expect(await test.registry.listRepositories({ limit: 9, isVisible: () => true })).toMatchObject({
      names: [],
    });
    await test.registry.collection.run();
    expect(await readdir(test.root)).toEqual([]);
  });
});
