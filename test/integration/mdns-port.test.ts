// SPDX-License-Identifier: Apache-2.0
/** UDP port 5353 cannot be had, or not all of it: the datastore is found all the same, and it is said why. */
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type App, createLab, type Lab } from '../lab/lab.ts';
import { finish } from '../lab/namespace.ts';
import { eveAgent, runAgent, startDatastore, waitForLog } from '../lab/programs.ts';
import { describeWith } from '../requirements.ts';
import { makeImage, sha256Of } from './image-server.ts';
import { readJsonLines } from './json-lines.ts';
import { startScriptedResponder } from './scripted-responder.ts';

const IMAGE = makeImage(300_000);
const REFUSED = /UDP port 5353 cannot be had: asking from another port/;

/** How port 5353, or a part of it, is kept from the agent. */
interface Obstacle {
  /** A program that holds it. */
  readonly holder?: readonly string[];
  readonly sysctl?: readonly [name: string, value: string];
  /** In front of the agent's command. */
  readonly enter?: readonly string[];
  /** What the log says, if anything need be said. */
  readonly says: RegExp | null;
}

const OBSTACLES: Readonly<Record<string, Obstacle>> = {
  'another program holds it': {
    holder: ['exclusive'],
    says: /held, and not shared, by \S+ \(process \d+\)/,
  },
  'another program holds it for one bridge': {
    holder: ['exclusive', '10.1.0.1'],
    says: /held, and not shared, by \S+ \(process \d+\)/,
  },
  'another program shares it by SO_REUSEPORT alone': { holder: ['reuseport'], says: null },
  'privileged ports reach up to it': {
    sysctl: ['ip_unprivileged_port_start', '6000'],
    enter: ['setpriv', '--bounding-set=-net_bind_service'],
    says: /this process may not use it/,
  },
  'no group can be joined': {
    sysctl: ['igmp_max_memberships', '0'],
    says: /the multicast group cannot be joined/,
  },
};

/** A device, with a folder whose `root` has the image. */
interface Bench {
  readonly folder: string;
  readonly lab: Lab;
  readonly app: App;
}

async function withBench(use: (bench: Bench) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'mdns-port-'));
  const lab = await createLab();
  try {
    await mkdir(join(folder, 'root'));
    await writeFile(join(folder, 'root', 'a.img'), IMAGE);
    await lab.addBridge('bn1', '10.1.0.1/24');
    await use({ folder, lab, app: await lab.addApp({ name: 'app', bridge: 'bn1', address: '10.1.0.5/24' }) });
  } finally {
    await lab.stop();
    await rm(folder, { recursive: true });
  }
}

/** Each has a device of its own, and several are tried at a time: most of each is listening. */
const row = (title: string, use: (bench: Bench) => Promise<void>) =>
  test.concurrent(title, () => withBench(use));

const serve = ({ app, folder }: Bench) =>
  startDatastore(app, ['--root', join(folder, 'root'), '--state', join(folder, 'ds'), '--host-name', 'ds']);

async function hold({ lab }: Bench, ...how: readonly string[]) {
  const child = lab.host.start(['node', 'test/integration/programs/port-holder.ts', ...how], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  await readJsonLines<{ event: string }>(child).waitFor('a held port', ({ event }) => event === 'held');
  return child;
}

async function putUp(bench: Bench, { holder, sysctl }: Obstacle): Promise<void> {
  if (holder !== undefined) await hold(bench, ...holder);
  if (sysctl === undefined) return;
  const [name, value] = sysctl;
  await bench.lab.host.mustRun(['sh', '-c', `echo ${value} > /proc/sys/net/ipv4/${name}`]);
}

describeWith(['lab'], 'UDP port 5353', () => {
  for (const [title, obstacle] of Object.entries(OBSTACLES))
    row(`${title}: every command finds the datastore`, async (bench) => {
      const { folder, lab } = bench;
      const { enter = [], says } = obstacle;
      await serve(bench);
      await putUp(bench, obstacle);
      const agent = (...args: string[]) => lab.host.run([...enter, ...eveAgent(...args)]);

      const resolved = await agent('resolve', 'http://ds.local/a.img', '--json');
      expect(resolved.exitCode).toBe(0);
      expect(JSON.parse(resolved.stdout)).toMatchObject({ address: '10.1.0.5', bridge: 'bn1' });
      if (says === null) expect(resolved.stderr).toBe('');
      else expect(resolved.stderr).toMatch(says);

      const browsed = await agent('browse', '--json');
      expect(browsed.exitCode).toBe(0);
      const { instances } = JSON.parse(browsed.stdout);
      expect(instances.map(({ service }: { service: string }) => service)).toEqual(['workstation', 'http']);
      expect(instances[1]).toMatchObject({ hostName: 'ds.local', addresses: ['10.1.0.5'], port: 80 });

      const target = join(folder, 'got.img');
      expect((await agent('download', 'http://ds.local/a.img', '-o', target)).exitCode).toBe(0);
      expect(await readFile(target)).toEqual(IMAGE);

      const examined = await agent('doctor', 'http://ds.local/a.img', '--json');
      expect(examined.exitCode).toBe(0);
      const { checks } = JSON.parse(examined.stdout);
      const multicast = checks.find(({ id }: { id: string }) => id === 'multicast');
      expect(multicast.verdict).toBe(says === null ? 'ok' : 'warning');
    });

  row('who searches in vain is told that the port is missing, and gets exit code 3', async (bench) => {
    await hold(bench, 'exclusive');
    const { stderr, exitCode } = await runAgent(bench.lab.host, [
      'resolve',
      'http://ds.local/',
      '--timeout',
      '0.5',
    ]);
    expect(exitCode).toBe(3);
    expect(stderr).toMatch(REFUSED);
    expect(stderr).toContain('no datastore ds.local on bn1 within 0.5 s; nobody else answered');
  });

  // Alone: what is polled for belongs to one test.
  test('the service starts without it, downloads, and takes it when it is free', () =>
    withBench(async (bench) => {
      const { folder, lab } = bench;
      const holder = await hold(bench, 'exclusive');
      const config = join(folder, 'device.json');
      const id = 'fa78153c-e215-4397-bfa7-514264cdf4dd';
      const tree = {
        URL: 'a.img',
        iformat: 'RAW',
        sha256: sha256Of(IMAGE),
        maxSizeBytes: String(IMAGE.length),
      };
      const names = { uuid: '00000000-0000-4000-8000-000000000001', displayName: 'a', dsIdsList: [id] };
      await writeFile(
        config,
        JSON.stringify({
          datastores: [{ id, dType: 'DsHttp', fqdn: 'http://ds.local' }],
          contentInfo: [{ ...names, ...tree }],
        }),
      );
      const state = join(folder, 'state');
      // It searches for longer than the port is tried again after.
      const options = ['--config', config, '--state', state, '--reserve', '0', '--timeout', '60'];
      const command = eveAgent('run', ...options, '--log-level', 'info');
      const agent = lab.host.start(command, { stdio: ['ignore', 'ignore', 'pipe'] });
      const refused = waitForLog(agent, 'UDP port 5353 cannot be had');
      const had = waitForLog(agent, 'UDP port 5353 can be had now');
      await refused.seen;
      holder.stdin?.end();
      await once(holder, 'exit');
      await had.seen;
      await serve(bench);
      const statusFile = join(state, 'status', 'ContentTreeStatus', `${names.uuid}.json`);
      const status = async () => JSON.parse(await readFile(statusFile, 'utf8').catch(() => '{}'));
      await expect.poll(status).toMatchObject({ State: 'VERIFIED' });
      expect(agent.exitCode).toBeNull();
    }));

  row('a bridge that goes while it is asked on ends nothing', async ({ lab, app }) => {
    const responder = await startScriptedResponder(app, '10.1.0.5', []);
    // It asks at the start, and 1, 3 and 7 seconds later: once at least when the bridge has gone.
    const finished = finish(lab.host.start(eveAgent('resolve', 'http://ds.local/', '--timeout', '8')));
    await responder.waitFor('a question', ({ event }) => event === 'asked');
    await lab.host.mustRun(['ip', 'link', 'del', 'bn1']);
    const { stderr, exitCode } = await finished;
    expect(exitCode).toBe(3);
    expect(stderr).toContain('the question could not be sent');
    expect(stderr).toContain('eve-agent: no datastore ds.local on bn1 within 8 s');
  });

  row('more bridges than one socket may join groups on', async (bench) => {
    const { lab } = bench;
    await lab.host.mustRun(['sh', '-c', 'echo 2 > /proc/sys/net/ipv4/igmp_max_memberships']);
    for (const number of [2, 3, 4]) await lab.addBridge(`bn${number}`, `10.${number}.0.1/24`);
    await serve(bench);
    const { stdout, stderr, exitCode } = await runAgent(lab.host, ['resolve', 'http://ds.local/', '--json']);
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
    expect(JSON.parse(stdout)).toMatchObject({ address: '10.1.0.5', bridge: 'bn1' });
  });
});
