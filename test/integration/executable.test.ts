// SPDX-License-Identifier: Apache-2.0
/** The agent as one executable file, where there is no Node. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import packageJson from '../../eve-agent/package.json' with { type: 'json' };
import { createLab, type Lab } from '../lab/lab.ts';
import { finish } from '../lab/namespace.ts';
import { startDatastore, waitForLog } from '../lab/programs.ts';
import { describeWith } from '../requirements.ts';
import { type ImageServer, makeImage, sha256Of, startImageServer } from './image-server.ts';
import { ARCHITECTURE, type Built, buildPackaging } from './packaging-build.ts';

const IMAGE = makeImage(20_000_000);
const BUILD_LIMIT_MS = 600_000;

let folder: string;
let server: ImageServer;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'executable-'));
  server = await startImageServer((_request, response) => {
    response.setHeader('content-length', IMAGE.length);
    response.end(IMAGE);
  });
});
afterEach(async () => {
  await server.stop();
  await rm(folder, { recursive: true });
});

/** Runs a program with nothing at its search path. */
const run = (program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) =>
  finish(
    spawn(program, args, { cwd: folder, env: { PATH: folder, ...env }, stdio: ['ignore', 'pipe', 'pipe'] }),
  );

const download = (sha256: string) => ['download', server.url.href, '--sha256', sha256, '-o', 'a.img'];

describe('on this architecture', () => {
  let built: Built;
  let program: string;
  beforeAll(async () => {
    built = await buildPackaging('executable', ARCHITECTURE);
    program = built.executable(ARCHITECTURE);
  }, BUILD_LIMIT_MS);
  afterAll(() => built.remove());

  it('is one file, and tells version and commands', async () => {
    const name = `eve-agent-linux-${ARCHITECTURE}`;
    // Beside it stands what it is made of.
    expect((await readdir(built.folder)).sort()).toEqual([name, `${name}.cdx.json`]);
    expect(await run(program, ['--version'])).toEqual({
      exitCode: 0,
      stdout: `${packageJson.version}\n`,
      stderr: '',
    });
    const { stdout } = await run(program, ['--help']);
    for (const command of ['browse', 'resolve', 'download']) expect(stdout).toContain(command);
  });

  it('has no name of the folder that it was made in, so that another build makes the same', async () => {
    expect((await readFile(program)).includes(join(tmpdir(), 'eve-agent-executable-'))).toBe(false);
  });

  it('downloads and verifies, with the hash on a second thread', async () => {
    expect(await run(program, download(sha256Of(IMAGE)))).toMatchObject({ exitCode: 0 });
    expect((await readFile(join(folder, 'a.img'))).equals(IMAGE)).toBe(true);
    expect(await run(program, download('0'.repeat(64)))).toMatchObject({ exitCode: 5 });
  });

  it('has its page in it', async () => {
    const socket = join(folder, 'agent.sock');
    const options = ['--state', join(folder, 'state'), '--listen', `unix:${socket}`, '--no-separation'];
    const child = spawn(program, ['run', '--page', ...options], { stdio: ['ignore', 'ignore', 'pipe'] });
    const ended = once(child, 'exit');
    await waitForLog(child, '"running"').seen;
    const [answer] = await once(request({ socketPath: socket, path: '/' }).end(), 'response');
    const [, part] = /src="(\/page\/main-[0-9a-f]+\.js)"/.exec(await text(answer)) ?? [];
    const headers = { 'accept-encoding': 'br' };
    const [script] = await once(request({ socketPath: socket, path: part, headers }).end(), 'response');
    expect([script.statusCode, script.headers['content-encoding']]).toEqual([200, 'br']);
    script.resume();
    child.kill('SIGTERM');
    await ended;
  });

  it('leaves options of Node that are meant for others aside', async () => {
    const env = { NODE_OPTIONS: '--require ./absent.js --no-such-option' };
    expect(await run(program, ['--version'], env)).toMatchObject({ exitCode: 0, stderr: '' });
  });

  it('ends with 143 on SIGTERM', async () => {
    const stalled = await startImageServer((_request, response) => {
      response.setHeader('content-length', IMAGE.length);
      response.write(IMAGE.subarray(0, 1_000_000));
    });
    try {
      const child = spawn(program, ['download', stalled.url.href, '-o', 'b.img'], { cwd: folder });
      const ended = once(child, 'exit');
      await expect.poll(() => readdir(folder)).toContain('.b.img.partial');
      child.kill('SIGTERM');
      expect(await ended).toEqual([143, null]);
    } finally {
      await stalled.stop();
    }
  });

  describeWith(['lab', 'root', 'setpriv'], 'as the user of the service', () => {
    let lab: Lab;
    beforeEach(async () => {
      lab = await createLab();
    });
    afterEach(() => lab.stop());

    it('finds a datastore without any capability', async () => {
      await lab.addBridge('bn1', '10.1.0.1/24');
      const app = await lab.addApp({ name: 'one', bridge: 'bn1', address: '10.1.0.5/24' });
      const root = join(folder, 'root');
      await mkdir(root);
      const datastore = await startDatastore(app, [
        ...['--root', root, '--state', join(folder, 'state'), '--host-name', 'ds'],
      ]);
      const powerless = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--no-new-privs'];
      const capabilities = ['--inh-caps=-all', '--ambient-caps=-all', '--bounding-set=-all'];
      await lab.host.run(['chmod', '755', built.folder]);
      const resolve = [program, 'resolve', 'http://ds.local/', '--json'];
      const found = await lab.host.run([...powerless, ...capabilities, ...resolve]);
      expect(found).toMatchObject({ exitCode: 0 });
      expect(JSON.parse(found.stdout)).toMatchObject({ address: '10.1.0.5', bridge: 'bn1' });
      await datastore.stop();
    });
  });

  describeWith(['strace', 'systemd'], 'under the filter of the service', () => {
    it('makes no system call that the unit forbids', async () => {
      const unit = await readFile('eve-agent/packaging/debian/eve-agent.service', 'utf8');
      const filters = [...unit.matchAll(/^SystemCallFilter=(.*)$/gm)].map(([, filter]) => filter);
      const [, , confining = ''] = filters;
      expect(filters).toEqual(['@system-service', '~@privileged @resources', confining]);
      // Those by which the service takes rights from what it starts.
      expect(confining).toMatch(/^seccomp( landlock_\w+){3}$/);
      const callsOf = (set: string): string[] =>
        execFileSync('systemd-analyze', ['syscall-filter', set], { encoding: 'utf8' })
          .split('\n')
          .filter((line) => /^ {4}\S/.test(line) && !line.includes('#'))
          .map((line) => line.trim())
          .flatMap((name) => (name.startsWith('@') ? callsOf(name) : [name]));
      const forbidden = new Set(['@privileged', '@resources'].flatMap(callsOf));
      const granted = [...callsOf('@system-service'), ...confining.split(' ')];
      const allowed = new Set(granted.filter((name) => !forbidden.has(name)));

      const trace = join(folder, 'trace');
      const traced = ['-f', '-qq', '-o', trace, program, ...download(sha256Of(IMAGE))];
      expect(await run('/usr/bin/strace', traced)).toMatchObject({ exitCode: 0 });
      const names = (await readFile(trace, 'utf8')).matchAll(/^\d+ +(\w+)\(/gm);
      const used = new Set([...names].map(([, name]) => name ?? ''));
      expect(used).toContain('clone3');
      expect([...used].filter((name) => !allowed.has(name))).toEqual([]);
    });
  });
});

describeWith(['arm64', 'node-arm64'], 'on arm64, emulated', () => {
  let built: Built;
  beforeAll(async () => {
    built = await buildPackaging('executable', 'arm64');
  }, BUILD_LIMIT_MS);
  afterAll(() => built.remove());

  it('downloads and verifies', async () => {
    const program = built.executable('arm64');
    const emulated = ['-L', '/usr/aarch64-linux-gnu', program];
    const qemu = '/usr/bin/qemu-aarch64-static';
    expect(await run(qemu, [...emulated, '--version'])).toMatchObject({ stdout: `${packageJson.version}\n` });
    expect(await run(qemu, [...emulated, ...download(sha256Of(IMAGE))])).toMatchObject({ exitCode: 0 });
    expect((await readFile(join(folder, 'a.img'))).equals(IMAGE)).toBe(true);
  });
});
