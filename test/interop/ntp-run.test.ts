// SPDX-License-Identifier: Apache-2.0
/**
 * `eve-agent run --ntp` beside chrony and scripted servers. The clock of this machine is nobody's to set: no namespace has
 * one of its own, and each agent here lacks the right to.
 */
import { type ChildProcess, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, readlink, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CALF_USERS } from '@local-datastore/shared/confinement/launcher/calf';
import type { ProcessStatus } from '@local-datastore/shared/confinement/launcher/process-status';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import type { NtpStatus } from '../../eve-agent/src/sandbox/handlers/ntp-status.ts';
import { readJsonLines } from '../integration/json-lines.ts';
import { type App, createLab, type Lab } from '../lab/lab.ts';
import { eveAgent, runAgent, startDatastore, waitForLog } from '../lab/programs.ts';
import { startChrony, WITHOUT_CLOCK } from '../lab/time-servers.ts';
import { describeWith } from '../requirements.ts';

const SERVER_PROGRAM = fileURLToPath(new URL('programs/ntp-server.ts', import.meta.url));
/** Only ends what fails: it takes 14 s to ask a server eight times, and as long to give one up. */
const POLL = { timeout: 600_000, interval: 1000 };

interface Shown {
  readonly ntp: NtpStatus;
  readonly processes: readonly ProcessStatus[];
}

describeWith(['lab', 'root', 'chrony', 'curl'], 'eve-agent run --ntp', () => {
  const [chrony, scripted] = ['10.1.0.2', '10.1.0.3'];
  let lab: Lab;
  let other: App;
  let folder: string;
  let state: string;
  let agent: ChildProcess | undefined;
  let log = () => '';

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ntp-run-'));
    lab = await createLab();
    await lab.addBridge('bn1', '10.1.0.1/24');
    const app = await lab.addApp({ name: 'time', bridge: 'bn1', address: `${chrony}/24` });
    other = await lab.addApp({ name: 'other', bridge: 'bn1', address: `${scripted}/24` });
    await startChrony(app, join(folder, 'chrony'));
    await mkdir(join(folder, 'root'));
    const args = ['--root', join(folder, 'root'), '--state', join(folder, 'ds-state'), '--host-name', 'time'];
    await startDatastore(app, args);
  });
  afterAll(async () => {
    await lab.stop();
    await rm(folder, { recursive: true, force: true });
  });
  beforeEach(async () => {
    state = await mkdtemp(join(folder, 'state-'));
  });
  afterEach(async () => {
    agent?.kill('SIGKILL');
  });

  async function start(...args: readonly string[]): Promise<void> {
    const command = eveAgent('run', '--state', state, '--reserve', '0', ...args);
    const child = lab.host.start([...WITHOUT_CLOCK, ...command], { stdio: ['ignore', 'ignore', 'pipe'] });
    agent = child;
    const waited = waitForLog(child, '"running"');
    ({ log } = waited);
    await waited.seen;
  }
  /** A server of our own. */
  async function serve(...behaviour: readonly string[]): Promise<ChildProcess> {
    const child = other.start([process.execPath, SERVER_PROGRAM, scripted, ...behaviour]);
    await readJsonLines<string>(child).waitFor('it listens', (line) => line === 'ready');
    return child;
  }
  const socket = () => join(state, 'agent.sock');
  const show = async (...args: string[]) =>
    (await runAgent(lab.host, ['status', '--socket', socket(), ...args])).stdout;
  const shown = async () => JSON.parse(await show('--json')) as Shown;
  const waitState = (expected: NtpStatus['state']) =>
    expect.poll(async () => (await shown()).ntp.state, { ...POLL, message: log() }).toBe(expected);
  const calfOf = async () => (await shown()).processes.find(({ name }) => name === 'ntp');

  it('measures the clock by a process that has no rights, tells of it, and follows no liar', async () => {
    const liar = await serve('ahead', '7000');
    await start('--ntp', `${chrony},${scripted}`, '--ntp', 'time.local');
    await waitState('watched');
    const { ntp, processes } = await shown();
    expect(ntp.servers).toMatchObject([
      { name: chrony, stratum: 4, isReached: true },
      { name: scripted, role: 'falseticker', isReached: true },
      { name: 'time.local', address: chrony, isReached: true },
    ]);
    expect(ntp).toMatchObject({
      watchedSince: expect.stringContaining('CAP_SYS_TIME'),
      stratum: 5,
      steps: 0,
    });
    // The servers have the clock of this machine; by how much it may be wrong the client says itself.
    expect(Math.abs(ntp.offsetMs ?? Number.NaN)).toBeLessThanOrEqual(ntp.errorMs ?? Number.NaN);
    liar.kill('SIGKILL');

    const calf = processes.find(({ name }) => name === 'ntp');
    expect(calf).toMatchObject({ state: 'running', user: CALF_USERS.ntp, missing: [], restarts: 0 });
    const proc = `/proc/${calf?.pid}`;
    const status = await readFile(`${proc}/status`, 'utf8');
    for (const line of [
      `Uid:\t${Array(4).fill(CALF_USERS.ntp).join('\t')}`,
      ...['CapEff:\t0000000000000000', 'CapBnd:\t0000000000000000', 'NoNewPrivs:\t1', 'Seccomp:\t2'],
    ]) {
      expect(status).toContain(`${line}\n`);
    }
    for (const namespace of ['net', 'mnt', 'ipc', 'uts']) {
      const [its, ours] = await Promise.all(
        [calf?.pid, agent?.pid].map((pid) => readlink(`/proc/${pid}/ns/${namespace}`)),
      );
      expect([namespace, its]).not.toEqual([namespace, ours]);
    }
    const descriptors = await Promise.all(
      (await readdir(`${proc}/fd`)).map((fd) => readlink(`${proc}/fd/${fd}`).catch(() => '')),
    );
    expect(descriptors.filter((target) => /^\/(?!dev\/null$)./.test(target))).toEqual([]);

    const text = await show();
    expect(text).toContain('Time: the clock is only watched, ');
    expect(text).toContain(`    ${scripted}: falseticker, `);
    expect(text).toContain(`Process ntp (pid ${calf?.pid}) runs: no capabilities, no new privileges`);
    const metrics = await lab.host.mustRun(['curl', '-s', '--unix-socket', socket(), 'http://a/metrics']);
    expect(metrics).toMatch(/^eve_agent_ntp_offset_seconds -?[\d.e-]+$/m);
    expect(metrics).toContain(`eve_agent_ntp_server_reachable{server="${chrony}"} 1\n`);
    expect(metrics).toContain('eve_agent_process_up{process="ntp"} 1\n');

    const ended = once(agent as ChildProcess, 'exit');
    agent?.kill('SIGTERM');
    expect((await ended)[0]).toBe(0);
    const [node = '', ...args] = eveAgent('audit', '--state', state);
    const audit = spawnSync(node, args, { encoding: 'utf8' });
    expect([audit.status, audit.stdout]).toEqual([0, expect.stringMatching(/ntp +write +\/ntp\/offset ok/)]);
    expect(audit.stdout).not.toContain('DENIED');
  });

  it('hears a server that comes up later, also when its process was killed meanwhile', async () => {
    await start('--ntp', scripted);
    await waitState('unreachable');
    expect(await show()).toContain(`Time: no server answers\n`);
    expect(log()).toContain('"no time server answers"');
    const before = (await calfOf())?.pid;
    process.kill(before as number, 'SIGKILL');
    await expect.poll(async () => (await calfOf())?.restarts, POLL).toBe(1);
    await serve('ahead', '7000');
    await waitState('watched');
    const { ntp } = await shown();
    // It is alone, and nobody contradicts it: that much the clock would be set by.
    expect(Math.abs((ntp.offsetMs ?? Number.NaN) - 7000)).toBeLessThanOrEqual(ntp.errorMs ?? Number.NaN);
    expect(ntp).toMatchObject({ server: scripted, steps: 0, lastStep: null });
    expect(await calfOf()).toMatchObject({ state: 'running', restarts: 1 });
  });

  it('finds a server on .local by the process that speaks to the network, where there is one', async () => {
    await start('--separation', '--ntp', 'time.local');
    await expect.poll(async () => (await shown()).ntp.servers[0]?.address, POLL).toBe(chrony);
    await waitState('watched');
    expect((await shown()).processes.map(({ name }) => name)).toEqual(['net', 'verifier', 'ntp']);
  });

  it.each([
    ['a group', ['224.0.1.1'], '"224.0.1.1" is not the address of one host'],
    [
      'what is neither address nor name',
      ['10.0.0.256'],
      '"10.0.0.256" is neither an IP address nor the name',
    ],
    ['one twice', ['10.1.0.2,10.1.0.2'], '"10.1.0.2" is there twice'],
    ['nothing', [''], 'a time server expected'],
  ])('refuses %s', async (_, servers, message) => {
    const { exitCode, stderr } = await runAgent(lab.host, ['run', '--state', state, '--ntp', ...servers]);
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining(message)]);
  });
});
