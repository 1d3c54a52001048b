// SPDX-License-Identifier: Apache-2.0
/** `run --separation`: a process without rights speaks to the network, and the service is as good as without. */
import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, readlink, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { type App, createLab, type Lab } from '../lab/lab.ts';
import { eveAgent, type RunningDatastore, runAgent, startDatastore } from '../lab/programs.ts';
import { createServiceAgent, type ServiceAgent, treeOf } from '../lab/service-agent.ts';
import { describeWith } from '../requirements.ts';
import { makeImage, sha256Of } from './image-server.ts';

const large = makeImage(24 * 1024 * 1024 + 321);
const small = makeImage(40_000, 'small');
/** About 3 MB/s: a download takes long enough to be disturbed in the middle. */
const SLOW_LINK = ['tbf', 'rate', '24mbit', 'burst', '64kb', 'latency', '400ms'];

describeWith(['lab', 'tc'], 'eve-agent run --separation', () => {
  let folder: string;
  let state: string;
  let lab: Lab;
  let app: App;
  let datastore: RunningDatastore;
  let agent: ServiceAgent;

  const startAgent = () => agent.start('--separation');
  const partialBytes = async () =>
    (await stat(join(state, 'pending', `.${sha256Of(large)}.partial`)).catch(() => null))?.size ?? 0;
  /** The process that speaks to the network now, or another one. */
  function calfPid(name = 'net'): number {
    const lines = agent
      .log()
      .split('\n')
      .filter(
        (line) =>
          line.includes(`"process":"${name}"`) && line.includes('"a process of the agent was started"'),
      );
    return Number(/.*"pid":(\d+),"msg"/.exec(lines.at(-1) ?? '')?.[1]);
  }
  /** Starts an agent, and leaves it in the middle of a download. */
  async function startInTheMiddle(): Promise<void> {
    await app.mustRun(['tc', 'qdisc', 'replace', 'dev', 'eth0', 'root', ...SLOW_LINK]);
    await agent.configure([treeOf(1, 'large.img', large)]);
    await startAgent();
    await expect.poll(partialBytes).toBeGreaterThan(2 * 1024 * 1024);
  }
  const isRunning = (pid: number) => stat(`/proc/${pid}/exe`).then(Boolean, () => false);

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'separated-'));
    await mkdir(join(folder, 'root', 'images'), { recursive: true });
    await writeFile(join(folder, 'root', 'images', 'large.img'), large);
    await writeFile(join(folder, 'root', 'images', 'small.img'), small);
    lab = await createLab();
    await lab.addBridge('bn1', '10.1.0.1/24');
    await lab.addBridge('bn2', '10.2.0.1/24');
    app = await lab.addApp({ name: 'ds', bridge: 'bn2', address: '10.2.0.5/24' });
    const args = ['--root', join(folder, 'root'), '--state', join(folder, 'ds-state'), '--host-name', 'ds'];
    datastore = await startDatastore(app, args);
  });
  afterAll(async () => {
    await datastore?.kill();
    await lab?.stop();
    await rm(folder, { recursive: true, force: true });
  });
  beforeEach(async () => {
    agent = await createServiceAgent(lab, folder);
    ({ state } = agent);
  });
  afterEach(async () => {
    await agent.end('SIGKILL');
    await app.run(['tc', 'qdisc', 'del', 'dev', 'eth0', 'root']);
  });

  it('downloads what multicast DNS finds, by a process that holds no rights, and keeps an audit log', async () => {
    await agent.configure([treeOf(1, 'large.img', large), treeOf(2, 'small.img', small)]);
    await startAgent();
    await agent.expectState(1, { State: 'VERIFIED', Error: '' });
    await agent.expectState(2, { State: 'VERIFIED', Error: '' });
    expect((await readFile(join(state, 'images', 'image-1'))).equals(large)).toBe(true);

    const pid = calfPid();
    const status = await readFile(`/proc/${pid}/status`, 'utf8');
    expect(status).toMatch(/^Uid:\t65520\t65520\t65520\t65520$/m);
    expect(status).toMatch(/^CapEff:\t0{16}$/m);
    expect(status).toMatch(/^CapBnd:\t0{16}$/m);
    expect(status).toMatch(/^NoNewPrivs:\t1$/m);
    expect(status).toMatch(/^Seccomp:\t2$/m);
    for (const namespace of ['net', 'mnt', 'ipc', 'uts']) {
      const [its, ours] = await Promise.all(
        [pid, agent.child()?.pid].map((each) => readlink(`/proc/${each}/ns/${namespace}`)),
      );
      expect([namespace, its]).not.toEqual([namespace, ours]);
    }
    const descriptors = await readdir(`/proc/${pid}/fd`);
    const targets = await Promise.all(
      descriptors.map((fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => '')),
    );
    expect(
      targets.filter((target) => !/^(?:|socket:.*|pipe:.*|anon_inode:.*|\/dev\/null)$/.test(target)),
    ).toEqual([]);

    const shown = await runAgent(lab.host, ['status', '--socket', join(state, 'agent.sock')]);
    expect(shown.stdout).toContain(`Process net (pid ${pid}) runs: no capabilities, no new privileges`);
    expect(shown.stdout).not.toContain('without ');

    expect(await agent.end('SIGTERM')).toBe(0);
    await expect.poll(() => isRunning(pid)).toBe(false);
    const [node = '', ...args] = eveAgent('audit', '--verify', '--state', state);
    const { status: exitCode, stdout } = spawnSync(node, args, { encoding: 'utf8' });
    expect([exitCode, stdout]).toEqual([0, expect.stringContaining('The audit log is whole')]);
    const lines = (await readFile(join(state, 'audit', '00000001.jsonl'), 'utf8')).trim().split('\n');
    const told = lines.map(
      (line) => JSON.parse(line) as { actor: string; op: string; path: string; verdict: string },
    );
    expect(told.filter(({ actor, verdict }) => actor === 'net' && verdict !== 'ok')).toEqual([]);
    expect(told).toContainEqual(
      expect.objectContaining({ actor: 'net', op: 'write', path: '/resolved/ds.local/ip', verdict: 'ok' }),
    );
    // What was asked for holds no secret here, and could: of values there are but digests.
    expect(lines.join('')).not.toContain('10.2.0.5');
  });

  it('goes on where it was when that process is killed, each time', async () => {
    await app.mustRun(['tc', 'qdisc', 'replace', 'dev', 'eth0', 'root', ...SLOW_LINK]);
    await agent.configure([treeOf(1, 'large.img', large)]);
    await startAgent();
    let stored = 0;
    for (let kill = 1; kill <= 3; kill += 1) {
      const before = stored;
      await expect.poll(partialBytes).toBeGreaterThan(before + 2 * 1024 * 1024);
      const pid = calfPid();
      process.kill(pid, 'SIGKILL');
      await expect.poll(() => isRunning(pid)).toBe(false);
      await expect.poll(() => calfPid() !== pid && isRunning(calfPid())).toBe(true);
      stored = await partialBytes();
      // Nothing that came before was thrown away.
      expect(stored).toBeGreaterThan(before + 2 * 1024 * 1024);
    }
    await app.run(['tc', 'qdisc', 'del', 'dev', 'eth0', 'root']);
    await agent.expectState(1, { State: 'VERIFIED', Error: '' });
    expect((await readFile(join(state, 'images', 'image-1'))).equals(large)).toBe(true);
    expect(await readdir(join(state, 'pending'))).toEqual([]);
    expect(await agent.end('SIGTERM')).toBe(0);
  });

  it('goes on from what was written when the process that verifies is killed', async () => {
    await startInTheMiddle();
    const pid = calfPid('verifier');
    const stored = await partialBytes();
    process.kill(pid, 'SIGKILL');
    await expect.poll(() => isRunning(pid)).toBe(false);
    await app.run(['tc', 'qdisc', 'del', 'dev', 'eth0', 'root']);
    await agent.expectState(1, { State: 'VERIFIED', Error: '' });
    expect(calfPid('verifier')).not.toBe(pid);
    const resumed = /"resumedFromBytes":(\d+)/.exec(agent.log())?.[1];
    expect(Number(resumed)).toBeGreaterThanOrEqual(stored);
    expect((await readFile(join(state, 'images', 'image-1'))).equals(large)).toBe(true);
    expect(await readdir(join(state, 'pending'))).toEqual([]);
    expect(await agent.end('SIGTERM')).toBe(0);
  });

  it('goes on when both hang: after a minute they are replaced', async () => {
    await startInTheMiddle();
    const pids = ['net', 'verifier'].map((name) => calfPid(name));
    for (const pid of pids) process.kill(pid, 'SIGSTOP');
    await app.run(['tc', 'qdisc', 'del', 'dev', 'eth0', 'root']);
    await agent.expectState(1, { State: 'VERIFIED', Error: '' });
    for (const pid of pids) expect(await isRunning(pid)).toBe(false);
    expect(agent.log().match(/it hangs/g)).toHaveLength(2);
    expect((await readFile(join(state, 'images', 'image-1'))).equals(large)).toBe(true);
    expect(await agent.end('SIGTERM')).toBe(0);
  });

  it('takes back what the agent had lent when it was killed', async () => {
    await startInTheMiddle();
    await agent.end('SIGKILL');
    await app.run(['tc', 'qdisc', 'del', 'dev', 'eth0', 'root']);
    const partial = join(state, 'pending', `.${sha256Of(large)}.partial`);
    const { uid, size } = await stat(partial);
    expect(uid).toBe(65521);
    await startAgent();
    await agent.expectState(1, { State: 'VERIFIED', Error: '' });
    expect(Number(/"resumedFromBytes":(\d+)/.exec(agent.log())?.[1])).toBeGreaterThanOrEqual(size);
    expect((await stat(join(state, 'images', 'image-1'))).uid).toBe(process.getuid?.());
  });

  it('ends with the service, however that ends', async () => {
    await agent.configure([]);
    await startAgent();
    await expect.poll(() => isRunning(calfPid())).toBe(true);
    const pid = calfPid();
    await agent.end('SIGKILL');
    await expect.poll(() => isRunning(pid)).toBe(false);
  });
});
