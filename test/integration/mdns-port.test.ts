/** UDP port 5353 cannot be had, or not all of it: the datastore is found all the same, and it is said why. */
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
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

describeWith(['lab'], 'UDP port 5353', () => {
  let folder: string;
  let lab: Lab;
  let app: App;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mdns-port-'));
    await mkdir(join(folder, 'root'));
    await writeFile(join(folder, 'root', 'a.img'), IMAGE);
    lab = await createLab();
    await lab.addBridge('bn1', '10.1.0.1/24');
    app = await lab.addApp({ name: 'app', bridge: 'bn1', address: '10.1.0.5/24' });
  });
  afterEach(async () => {
    await lab.stop();
    await rm(folder, { recursive: true });
  });

  const serve = () =>
    startDatastore(app, ['--root', join(folder, 'root'), '--state', join(folder, 'ds'), '--host-name', 'ds']);

  async function hold(...how: readonly string[]) {
    const child = lab.host.start(['node', 'test/integration/programs/port-holder.ts', ...how], {
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    await readJsonLines<{ event: string }>(child).waitFor('a held port', ({ event }) => event === 'held');
    return child;
  }

  async function putUp({ holder, sysctl }: Obstacle): Promise<void> {
    if (holder !== undefined) await hold(...holder);
    if (sysctl === undefined) return;
    const [name, value] = sysctl;
    await lab.host.mustRun(['sh', '-c', `echo ${value} > /proc/sys/net/ipv4/${name}`]);
  }

  test.each(Object.entries(OBSTACLES))('%s: every command finds the datastore', async (_, obstacle) => {
    const { enter = [], says } = obstacle;
    await serve();
    await putUp(obstacle);
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

  test('who searches in vain is told that the port is missing, and gets exit code 3', async () => {
    await hold('exclusive');
    const { stderr, exitCode } = await runAgent(lab.host, [
      'resolve',
      'http://ds.local/',
      '--timeout',
      '0.5',
    ]);
    expect(exitCode).toBe(3);
    expect(stderr).toMatch(REFUSED);
    expect(stderr).toContain('no datastore ds.local on bn1 within 0.5 s; nobody else answered');
  });

  test('the service starts without it, downloads, and takes it when it is free', async () => {
    const holder = await hold('exclusive');
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
    const had = waitForLog(agent, 'UDP port 5353 can be had now', 40_000);
    await refused.seen;
    holder.stdin?.end();
    await once(holder, 'exit');
    await had.seen;
    await serve();
    const statusFile = join(state, 'status', 'ContentTreeStatus', `${names.uuid}.json`);
    const status = async () => JSON.parse(await readFile(statusFile, 'utf8').catch(() => '{}'));
    await expect.poll(status).toMatchObject({ State: 'VERIFIED' });
    expect(agent.exitCode).toBeNull();
  });

  test('a bridge that goes while it is asked on ends nothing', async () => {
    const child = lab.host.start(eveAgent('resolve', 'http://ds.local/', '--timeout', '4'));
    const finished = finish(child);
    const responder = await startScriptedResponder(app, '10.1.0.5', []);
    await responder.waitFor('a question', ({ event }) => event === 'asked');
    await lab.host.mustRun(['ip', 'link', 'del', 'bn1']);
    const { stderr, exitCode } = await finished;
    expect(exitCode).toBe(3);
    expect(stderr).toContain('the question could not be sent');
    expect(stderr).toContain('eve-agent: no datastore ds.local on bn1 within 4 s');
  });

  test('more bridges than one socket may join groups on', async () => {
    await lab.host.mustRun(['sh', '-c', 'echo 2 > /proc/sys/net/ipv4/igmp_max_memberships']);
    for (const number of [2, 3, 4]) await lab.addBridge(`bn${number}`, `10.${number}.0.1/24`);
    await serve();
    const { stdout, stderr, exitCode } = await runAgent(lab.host, ['resolve', 'http://ds.local/', '--json']);
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
    expect(JSON.parse(stdout)).toMatchObject({ address: '10.1.0.5', bridge: 'bn1' });
  });
});
