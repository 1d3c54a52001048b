// SPDX-License-Identifier: Apache-2.0
/** Containers of a real engine become versions of a repository, and nothing of that is left in the engine. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { type RunningEngine, startDockerEngine } from '../lab/docker-engine.ts';
import { type Passage, startEngineProxy } from '../lab/engine-proxy.ts';
import { createLab, type Lab } from '../lab/lab.ts';
import {
  createDatastoreFolder,
  type DatastoreFolder,
  type LoopbackDatastore,
  WRITE_TOKEN,
} from '../lab/loopback-datastore.ts';
import { finish } from '../lab/namespace.ts';
import { datastoreApp } from '../lab/programs.ts';
import { createBuildContext } from '../lab/tiny-image.ts';
import { describeWith } from '../requirements.ts';

const BASE = 'base/app:1';
const WAIT = { timeout: 600_000 };

describeWith(['lab', 'root', 'dockerd'], 'a container of Docker', () => {
  let folder: string;
  let lab: Lab;
  let engine: RunningEngine;
  let place: DatastoreFolder;
  let datastore: LoopbackDatastore;
  const socket = () => join(folder, 'docker', 'docker.sock');

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'capture-'));
    await mkdir(join(folder, 'docker'));
    lab = await createLab();
    engine = await startDockerEngine(lab.host, join(folder, 'docker'));
    place = await createDatastoreFolder();
    datastore = await place.start();
    const { rootfs, archive } = { rootfs: join(folder, 'context'), archive: join(folder, 'base.tar') };
    await createBuildContext(rootfs, 'first');
    await writeFile(join(rootfs, 'rootfs', 'large'), randomBytes(3_000_000));
    await lab.host.mustRun(['tar', '-C', join(rootfs, 'rootfs'), '-cf', archive, '.']);
    await engine.docker('import', '--change', 'CMD ["/bin/sh", "-c", "read x"]', archive, BASE);
  });
  afterAll(async () => {
    await engine?.stop();
    await lab?.stop();
    await place?.remove();
    await rm(folder, { recursive: true, force: true });
  });

  const args = (container: string, as: string, ...more: string[]) => [
    ...['registry', 'capture', container, '--as', as, '--url', datastore.url, '--state', place.state],
    ...['--docker-host', `unix://${socket()}`, ...more],
  ];
  const capture = (container: string, as: string, ...more: string[]) =>
    place.runPlain(...args(container, as, ...more));
  const images = async () =>
    (await engine.docker('images', '--all', '--quiet', '--no-trunc')).trim().split('\n');
  async function documentOf(
    image: string,
  ): Promise<{ config: { digest: string }; layers: { digest: string }[] }> {
    const [repository, tag] = image.split(':');
    const answer = await datastore.get(`/v2/${repository}/manifests/${tag}`);
    expect(answer.status).toBe(200);
    return JSON.parse(answer.body.toString());
  }
  async function configOf(image: string) {
    const { config } = await documentOf(image);
    const answer = await datastore.get(`/v2/${image.split(':')[0]}/blobs/${config.digest}`);
    return JSON.parse(answer.body.toString()) as {
      author?: string;
      config: { Cmd: string[] };
      history: { comment?: string }[];
    };
  }

  it('that runs or stands still is the next version, and runs from it elsewhere', async () => {
    const before = await images();
    await engine.docker('run', '--detach', '--interactive', '--network', 'none', '--name', 'runs', BASE);
    await engine.docker('exec', 'runs', '/bin/sh', '-c', 'echo second > /word');
    const first = await capture('runs', 'Lab/App');
    expect([first.exitCode, first.stdout, first.stderr]).toEqual([
      0,
      expect.stringMatching(/^lab\/app:1 {2}sha256:[0-9a-f]{64}\n$/),
      expect.stringContaining('"Lab/App" is taken for "lab/app"'),
    ]);
    expect(await engine.docker('inspect', '--format', '{{.State.Status}}', 'runs')).toBe('running\n');
    await engine.docker('exec', 'runs', '/bin/sh', '-c', 'echo third > /word');
    await engine.docker('stop', '--time', '0', 'runs');
    const change = ['--change', 'CMD ["/bin/sh", "-c", "read w < /word; echo $w"]', '--change', 'ENV a=b'];
    const second = await capture(
      'runs',
      'lab/app',
      '--message',
      'a new word',
      '--author',
      'Ann',
      ...change,
      '--json',
    );
    expect([second.exitCode, JSON.parse(second.stdout)]).toEqual([
      0,
      { container: 'runs', image: 'lab/app:2', version: '2', digest: expect.stringMatching(/^sha256:/) },
    ]);
    expect(await images()).toEqual(before);
    expect(await documentOf('lab/app:latest')).toEqual(await documentOf('lab/app:2'));
    expect(await configOf('lab/app:2')).toMatchObject({
      author: 'Ann',
      config: { Cmd: ['/bin/sh', '-c', 'read w < /word; echo $w'] },
      history: [{}, { comment: 'a new word' }],
    });
    const tagged = await capture('runs', 'lab/app:mine');
    expect(tagged.stdout).toMatch(/^lab\/app:mine /);
    expect((await documentOf('lab/app:latest')).config).toEqual((await documentOf('lab/app:2')).config);
    const [one, two] = [await documentOf('lab/app:1'), await documentOf('lab/app:2')];
    expect(two.layers[0]).toEqual(one.layers[0]);
    const out = join(folder, 'back.tar');
    const exported = [
      'export',
      'lab/app:2',
      '--form',
      'docker-archive',
      '--name',
      'ds.local/back:2',
      '--out',
      out,
    ];
    const settings = ['--url', datastore.url, '--state', place.state];
    expect(await place.runPlain('registry', ...exported, ...settings)).toMatchObject({ exitCode: 0 });
    await engine.docker('load', '--input', out);
    expect(await engine.docker('run', '--rm', '--network', 'none', 'ds.local/back:2')).toBe('third\n');
    await engine.docker('rmi', 'ds.local/back:2');
    await engine.docker('rm', 'runs');
  });

  describe('that stands still', () => {
    beforeAll(
      async () => void (await engine.docker('create', '--network', 'none', '--name', 'still', BASE)),
      60_000,
    );
    afterAll(async () => void (await engine.docker('rm', 'still')), 60_000);

    it.each<[string, string, string, string[], number, RegExp]>([
      ['no such container', 'none', 'lab/no', [], 2, /No such container: none/],
      [
        'a change that is none',
        'still',
        'lab/no',
        ['--change', 'NONSENSE'],
        2,
        /nonsense is not a valid change/,
      ],
      [
        'more than is taken',
        'still',
        'lab/no',
        ['--max-size', '1K'],
        2,
        /--max-size takes 1 KiB: nothing was sent/,
      ],
      [
        'an address that is none',
        'still',
        'lab/no',
        ['--docker-host', 'ssh://x'],
        2,
        /no address of a Docker engine/,
      ],
      [
        'nobody there',
        'still',
        'lab/no',
        ['--docker-host', '/no/docker.sock'],
        4,
        /start it, or name it with DOCKER_HOST/,
      ],
      [
        'no datastore',
        'still',
        'lab/no',
        ['--url', 'http://127.0.0.1:9'],
        3,
        /does not answer at http:\/\/127.0.0.1:9/,
      ],
      ['a name that is none', 'still', 'lab//no', [], 2, /--as <name>/],
      ['archives, which cannot be written', 'still', 'archives/x', [], 2, /archive/],
    ])('is not captured: %s', async (_title, container, as, more, exitCode, why) => {
      const before = await images();
      const found = await capture(container, as, ...more);
      expect([found.exitCode, found.stdout, found.stderr]).toEqual([
        exitCode,
        '',
        expect.stringMatching(why),
      ]);
      expect(found.stderr).not.toContain('    at ');
      expect(await images()).toEqual(before);
      expect((await datastore.get('/v2/lab/no/tags/list')).status).toBe(404);
    });

    it('is not captured by who may not speak to the engine', async () => {
      await chmod(socket(), 0o600);
      const state = join(folder, 'state-of-another');
      await mkdir(state, { mode: 0o777 });
      const [program = '', ...rest] = datastoreApp(...args('still', 'lab/no', '--state', state));
      const env = { ...process.env, DATASTORE_WRITE_TOKEN: WRITE_TOKEN };
      await chmod(folder, 0o755);
      const { exitCode, stderr } = await finish(
        spawn('setpriv', ['--reuid=65534', '--regid=65534', '--clear-groups', program, ...rest], {
          env,
          stdio: ['ignore', 'pipe', 'pipe'],
        }),
      );
      expect([exitCode, stderr]).toEqual([
        2,
        expect.stringContaining('only root and the group of the socket'),
      ]);
    });

    let proxies = 0;
    /** Where the engine is reached, but for what is decided. */
    async function between(decide: Parameters<typeof startEngineProxy>[1]): Promise<string[]> {
      proxies += 1;
      const path = join(folder, `between-${proxies}.sock`);
      const proxy = await startEngineProxy({ path, engine: socket() }, decide);
      onTestFinished(() => proxy.stop());
      return ['--docker-host', path];
    }
    const isSaving = (path: string) => /\/images\/[^/]+\/get$/.test(path);

    it('is not captured where the engine breaks off, and its image is removed all the same', async () => {
      const before = await images();
      const host = await between((_method, path) => (isSaving(path) ? 'cut' : 'pass'));
      const found = await capture('still', 'lab/no', ...host);
      expect([found.exitCode, found.stderr]).toEqual([4, expect.stringContaining('broke off')]);
      expect(await images()).toEqual(before);
      expect((await datastore.get('/v2/lab/no/tags/list')).status).toBe(404);
    });

    it('is not captured where an engine does not commit', async () => {
      const host = await between((_method, path) => (path.includes('/commit') ? 404 : 'pass'));
      const found = await capture('still', 'lab/no', ...host);
      expect([found.exitCode, found.stderr]).toEqual([2, expect.stringContaining('POST /commit')]);
    });

    it('says what is left where the engine does not remove it', async () => {
      const before = await images();
      const host = await between((method) => (method === 'DELETE' ? 409 : 'pass'));
      const found = await capture('still', 'lab/left', ...host);
      expect([found.exitCode, found.stderr]).toEqual([
        0,
        expect.stringMatching(/still there: docker rmi sha256:/),
      ]);
      const [id = ''] = (await images()).filter((each) => !before.includes(each));
      expect(found.stderr).toContain(id);
      await engine.docker('rmi', id);
    });

    it.each([
      ['while it is committed', (path: string) => path.includes('/commit')],
      ['while it is sent', isSaving],
    ])('leaves nothing after Ctrl-C %s', async (title, isMeant) => {
      const before = await images();
      const reached = Promise.withResolvers<void>();
      const released = Promise.withResolvers<void>();
      const host = await between(async (_method, path): Promise<Passage> => {
        if (isMeant(path)) {
          reached.resolve();
          await released.promise;
        }
        return 'pass';
      });
      const [program = '', ...rest] = datastoreApp(...args('still', 'lab/no', ...host));
      const env = { ...process.env, DATASTORE_WRITE_TOKEN: WRITE_TOKEN };
      const child: ChildProcess = spawn(program, rest, { env, stdio: ['ignore', 'pipe', 'pipe'] });
      const ended = finish(child);
      await reached.promise;
      child.kill('SIGINT');
      if (title === 'while it is committed') {
        // It waits for the engine.
        let said = '';
        child.stderr?.on('data', (piece) => (said += piece));
        await vi.waitFor(() => expect(said).toContain('waits for the engine'), WAIT);
      }
      released.resolve();
      const { exitCode, stderr } = await ended;
      expect([exitCode, stderr]).toEqual([130, expect.stringContaining('stopped: nothing was captured')]);
      expect(await images()).toEqual(before);
      expect((await datastore.get('/v2/lab/no/tags/list')).status).toBe(404);
    });
  });
});
