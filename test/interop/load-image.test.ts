// SPDX-License-Identifier: Apache-2.0
/**
 * Archives that foreign programs wrote, loaded into engines by the agent: the image is the one that the engine makes of the
 * same file. What is refused leaves nothing.
 */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createEngineClient } from '@local-datastore/shared/engine/engine-client';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  type LoadedImage,
  type LoadProgress,
  loadImage,
  type WantedLoad,
} from '../../eve-agent/src/launch/engine/load-image.ts';
import { ENCODINGS } from '../../eve-agent/src/launch/image-stream/testing/image-archives.ts';
import { type RunningEngine, startDockerEngine } from '../lab/docker-engine.ts';
import { inspectImage, listImages, removeAllImages } from '../lab/engine-views.ts';
import { createImageLayout } from '../lab/image-layouts.ts';
import { createLab, type Lab } from '../lab/lab.ts';
import { startNewerDockerEngine } from '../lab/newer-docker-engine.ts';
import { createBuildContext } from '../lab/tiny-image.ts';
import { describeWith, type Requirement } from '../requirements.ts';

const run = promisify(execFile);

interface EngineKind {
  readonly title: string;
  readonly requirement: Requirement;
  readonly start: typeof startDockerEngine;
  readonly takesZstdLayers: boolean;
  /** Whether `docker load` takes a layout alone. */
  readonly takesLayouts: boolean;
}

const KINDS: readonly EngineKind[] = [
  {
    title: 'Docker of Debian 12',
    requirement: 'dockerd',
    start: startDockerEngine,
    takesZstdLayers: false,
    takesLayouts: false,
  },
  {
    title: 'a newer Docker, whose store is containerd’s',
    requirement: 'newer-dockerd',
    start: startNewerDockerEngine,
    takesZstdLayers: true,
    takesLayouts: true,
  },
];

// docker/buildx #3122, go-containerregistry #1954: with containerd's store the id is not that of the configuration.
for (const { title, requirement, start, takesZstdLayers, takesLayouts } of KINDS) {
  describeWith(['lab', 'root', requirement, 'dockerd', 'skopeo', 'podman', 'buildah'], title, () => {
    let folder: string;
    let lab: Lab;
    let engine: RunningEngine;
    const file = (name: string) => join(folder, name);

    const loadFrom = (
      { socket }: RunningEngine,
      source: AsyncIterable<Uint8Array>,
      more: Partial<WantedLoad> = {},
      onProgress?: (progress: LoadProgress) => void,
    ): Promise<LoadedImage> =>
      loadImage(
        createEngineClient({ kind: 'unix', path: socket }),
        source,
        {
          repository: 'ed_web',
          platform: { os: 'linux', architecture: 'amd64' },
          maxBytes: 2 ** 30,
          signal: new AbortController().signal,
          ...more,
        },
        onProgress,
      );
    const loadInto = (
      into: RunningEngine,
      path: string,
      more: Partial<WantedLoad> = {},
      onProgress?: (progress: LoadProgress) => void,
    ) => loadFrom(into, createReadStream(path), more, onProgress);
    const load = (path: string, more: Partial<WantedLoad> = {}) =>
      loadInto(engine, path, { freeBytes: 2 ** 30, ...more });
    const imagesNow = (of = engine) => listImages(of);
    const removeAll = () => removeAllImages(engine);
    /** An image of layers of random bytes, as an archive. */
    async function saveImage(name: string, ...sizes: readonly number[]): Promise<string> {
      const made = await createImageLayout(file(`${name}-layout`));
      await made.addImage({ layers: sizes.map((size) => randomBytes(size)) }, '1');
      const target = `docker-archive:${file(`${name}.tar`)}`;
      await run('skopeo', ['--insecure-policy', 'copy', '-q', `oci:${made.folder}:1`, target]);
      return file(`${name}.tar`);
    }
    /** What the engine itself makes of a file: its id and layers. */
    async function loadByEngine(path: string) {
      const said = await engine.docker('load', '--input', path);
      const name = /Loaded image(?: ID)?: (\S+)/.exec(said)?.[1] ?? '';
      const { Id, RootFS } = await inspectImage(engine, name);
      await removeAll();
      return { id: Id, layers: RootFS.Layers };
    }

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'load-image-'));
      await mkdir(file('engine'));
      lab = await createLab();
      await lab.addBridge('bn1', '10.1.0.1/24');
      engine = await start(lab.host, file('engine'));
      const made = await createImageLayout(file('layout'));
      const layers = [randomBytes(300_000), Buffer.alloc(500_000, 'b'), randomBytes(10)];
      const image = await made.addImage({ layers }, '1');
      const foreign = await made.addImage({ layers: [randomBytes(1000)], architecture: 'riscv64' });
      await made.addIndex({ riscv64: foreign, amd64: image }, 'both');
      const policy = ['--insecure-policy', 'copy', '-q'];
      const from = `oci:${file('layout')}:1`;
      const store = ['--root', file('podman'), '--runroot', file('podman-run'), '--storage-driver', 'vfs'];
      await run('skopeo', [...policy, from, `docker-archive:${file('skopeo-docker.tar')}:lab/web:1`]);
      await run('skopeo', [...policy, from, `docker-archive:${file('skopeo-untagged.tar')}`]);
      await run('skopeo', [...policy, from, `oci-archive:${file('skopeo-oci.tar')}`]);
      for (const format of ['gzip', 'zstd']) {
        const archive = `oci-archive:${file(`skopeo-oci-${format}.tar`)}`;
        const compress = ['--dest-compress', `--dest-compress-format=${format}`];
        await run('skopeo', [...policy, ...compress, from, archive]);
      }
      const both = `oci:${file('layout')}:both`;
      await run('skopeo', [...policy, '--all', both, `oci-archive:${file('platforms.tar')}`]);
      await run('podman', [...store, 'load', '-q', '-i', file('skopeo-docker.tar')]);
      const [id = ''] = (await run('podman', [...store, 'images', '--quiet'])).stdout.trim().split('\n');
      for (const form of ['docker-archive', 'oci-archive']) {
        await run('podman', [...store, 'save', '-q', '--format', form, '-o', file(`podman-${form}.tar`), id]);
        // Of a layout the newer engine takes a name as it stands, and then does not find it.
        const name = form === 'docker-archive' ? ':web:1' : '';
        await run('buildah', [...store, 'push', '-q', id, `${form}:${file(`buildah-${form}.tar`)}${name}`]);
      }
      const context = await createBuildContext(file('context'), 'hello');
      await run('buildah', [...store, 'build', '-q', '--isolation', 'chroot', '-t', 'built', context]);
      await run('podman', [...store, 'save', '-q', '-o', file('built.tar'), 'localhost/built']);
      await engine.docker('load', '--input', file('built.tar'));
      await engine.docker('tag', 'localhost/built', 'lab/built:2');
      await engine.docker('save', '--output', file('docker.tar'), 'localhost/built', 'lab/built:2');
      const builtId = await engine.docker('images', '--quiet', '--no-trunc', 'lab/built:2');
      await engine.docker('save', '--output', file('docker-untagged.tar'), builtId.trim());
      await engine.docker('load', '--input', file('skopeo-docker.tar'));
      await engine.docker('save', '--output', file('docker-two.tar'), 'lab/built:2', 'lab/web:1');
      await removeAll();
    });
    afterEach(removeAll);
    afterAll(async () => {
      await engine?.stop();
      await lab?.stop();
      if (folder) await rm(folder, { recursive: true });
    });

    it.each([
      ['docker.tar', true],
      ['docker-untagged.tar', true],
      ['skopeo-docker.tar', true],
      ['skopeo-untagged.tar', true],
      ['skopeo-oci.tar', takesLayouts],
      ['skopeo-oci-gzip.tar', takesLayouts],
      ['podman-docker-archive.tar', true],
      ['podman-oci-archive.tar', takesLayouts],
      ['buildah-docker-archive.tar', true],
      ['buildah-oci-archive.tar', takesLayouts],
      ['built.tar', true],
    ])('%s is the image that the engine makes of it', async (name, isTakenByEngine) => {
      const expected = isTakenByEngine ? await loadByEngine(file(name)) : undefined;
      const loaded = await load(file(name));
      expect(loaded.tag).toBe(`ed_web:${loaded.configDigest.hex.slice(0, 12)}`);
      expect(await imagesNow()).toEqual([`${loaded.tag} ${loaded.id}`]);
      if (expected !== undefined) {
        expect({ id: loaded.id, layers: loaded.diffIds }).toEqual(expected);
      } else expect(loaded.id).toBe(`sha256:${loaded.configDigest.hex}`);
      // Once more: it is there already.
      expect(await load(file(name))).toEqual(loaded);
      expect(await imagesNow()).toHaveLength(1);
    });

    it.each(['gzip', 'gzip members', 'zstd', 'zstd frames'] as const)(
      'an archive of %s',
      async (encoding) => {
        await writeFile(file('encoded'), ENCODINGS[encoding](await readFile(file('skopeo-docker.tar'))));
        const { id } = await load(file('encoded'));
        expect(id).toBe((await load(file('skopeo-docker.tar'))).id);
      },
    );

    it('layers of zstd, where the engine reads them', async () => {
      const loading = load(file('skopeo-oci-zstd.tar'));
      if (takesZstdLayers) {
        expect((await loading).diffIds).toEqual((await load(file('skopeo-docker.tar'))).diffIds);
      } else {
        await expect(loading).rejects.toMatchObject({ code: 'ARCHIVE_ENCODING' });
        expect(await imagesNow()).toEqual([]);
      }
    });

    it('of an index the image that runs here', async () => {
      const { configDigest } = await load(file('skopeo-oci.tar'));
      expect((await load(file('platforms.tar'))).configDigest).toEqual(configDigest);
      await expect(
        load(file('platforms.tar'), { platform: { os: 'linux', architecture: 's390x' } }),
      ).rejects.toMatchObject({ code: 'PLATFORM_MISMATCH' });
    });

    it('it runs, as the image says', async () => {
      const { tag, config } = await load(file('docker.tar'));
      expect(config.Cmd?.[0]).toBe('/bin/sh');
      await engine.docker('create', '--name', 'of-this-test', tag);
      await engine.docker('rm', 'of-this-test');
    });

    // moby #35625, #11285, #40188: what is loaded takes the tag of another image.
    it('names in it take nothing of others', async () => {
      const { id } = await load(file('skopeo-oci.tar'), { repository: 'ed_other' });
      await engine.docker('tag', id, 'lab/built:2');
      await load(file('docker.tar'));
      expect((await inspectImage(engine, 'lab/built:2')).Id).toBe(id);
    });

    it.each([
      ['cut off', 'ARCHIVE_CUT_OFF', (bytes: Buffer) => bytes.subarray(0, bytes.length >> 1)],
      ['flipped in its middle', 'LAYER_DAMAGED', (bytes: Buffer) => flipped(bytes, 200_000)],
      ['cut off, of gzip', 'ARCHIVE_CUT_OFF', (bytes: Buffer) => ENCODINGS.gzip(bytes).subarray(0, -9)],
      ['nothing', 'ARCHIVE_EMPTY', () => Buffer.alloc(0)],
      ['a page', 'ARCHIVE_UNKNOWN', () => Buffer.from('<html>')],
    ] as const)('%s: it leaves nothing', async (_title, code, damage) => {
      await load(file('docker.tar'));
      const before = await imagesNow();
      await writeFile(file('damaged'), damage(await readFile(file('skopeo-docker.tar'))));
      await expect(load(file('damaged'))).rejects.toMatchObject({ code });
      expect(await imagesNow()).toEqual(before);
    });

    it('two images leave nothing', async () => {
      await expect(load(file('docker-two.tar'))).rejects.toMatchObject({ code: 'SEVERAL_IMAGES' });
      expect(await imagesNow()).toEqual([]);
    });

    it('a signal leaves nothing, before all has come and after', async () => {
      for (const isLate of [false, true]) {
        const ending = new AbortController();
        const loading = loadInto(
          engine,
          file('skopeo-docker.tar'),
          { signal: ending.signal },
          ({ isChecked }) => {
            if (isChecked === isLate) ending.abort(new RangeError('enough'));
          },
        );
        await expect(loading).rejects.toThrow(new RangeError('enough'));
        await expect.poll(() => imagesNow()).toEqual([]);
      }
    });

    // containerd goes on with what it holds of a name, whatever comes next under it.
    it('one that was broken off in a layer stands in the way of no other', async () => {
      const [first, second] = [await saveImage('first', 8_000_000), await saveImage('second', 8_000_000)];
      const ending = new AbortController();
      const loading = loadInto(engine, first, { signal: ending.signal }, ({ sentBytes }) => {
        if (sentBytes > 5_000_000) ending.abort(new RangeError('enough'));
      });
      await expect(loading).rejects.toThrow(new RangeError('enough'));
      for (const image of [second, first]) {
        const { tag, id } = await load(image);
        expect(await imagesNow()).toContain(`${tag} ${id}`);
      }
    });

    it('one that pauses in a layer is waited for by no other', async () => {
      const [slow, quick] = [await saveImage('slow', 8_000_000), await saveImage('quick', 8_000_000)];
      const goOn = Promise.withResolvers<void>();
      const paused = Promise.withResolvers<void>();
      async function* halting() {
        let sentBytes = 0;
        for await (const piece of createReadStream(slow)) {
          yield piece;
          sentBytes += piece.length;
          if (sentBytes < 5_000_000) continue;
          paused.resolve();
          await goOn.promise;
        }
      }
      const loading = loadFrom(engine, halting());
      await paused.promise;
      const { tag } = await load(quick);
      goOn.resolve();
      expect((await imagesNow()).map((image) => image.split(' ')[0])).toContain(tag);
      expect((await loading).tag).not.toBe(tag);
    });

    describe('an engine in trouble', () => {
      let troubled: RunningEngine | undefined;
      afterEach(() => troubled?.stop());

      it('a disk that is full while the image comes, and while it is unpacked', async () => {
        const place = await lab.addApp({ name: 'small', bridge: 'bn1' });
        await mkdir(file('small/data'), { recursive: true });
        await place.mustRun(['mount', '-t', 'tmpfs', '-o', 'size=48m', 'tmpfs', file('small/data')]);
        troubled = await start(place, file('small'));
        const small = await saveImage('small', 100_000);
        await loadInto(troubled, small);
        const before = await imagesNow(troubled);
        for (const megabytes of [80, 30]) {
          const large = await saveImage(`large-${megabytes}`, megabytes * 10 ** 6);
          await expect(loadInto(troubled, large)).rejects.toMatchObject({ code: 'ENGINE_NO_SPACE' });
          expect(await imagesNow(troubled)).toEqual(before);
        }
        await loadInto(troubled, small);
      });

      it('killed in the middle, and back', async () => {
        const place = await lab.addApp({ name: 'killed', bridge: 'bn1' });
        await mkdir(file('killed'));
        const first = await start(place, file('killed'));
        const image = await saveImage('killed', 20_000_000, 20_000_000);
        let killing: Promise<void> | undefined;
        const loading = loadInto(first, image, {}, ({ sentBytes }) => {
          if (sentBytes > 10_000_000) killing ??= first.kill();
        });
        await expect(loading).rejects.toMatchObject({ code: 'ENGINE_AWAY' });
        await killing;
        // As after a reboot: containerd of the first is a process until somebody asks how it ended.
        await rm(file('killed/exec'), { recursive: true });
        troubled = await start(place, file('killed'));
        expect(await imagesNow(troubled)).toEqual([]);
        const { tag, id } = await loadInto(troubled, image);
        expect(await imagesNow(troubled)).toEqual([`${tag} ${id}`]);
      });
    });
  });
}

function flipped(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  copy.writeUInt8(copy.readUInt8(at) ^ 1, at);
  return copy;
}
