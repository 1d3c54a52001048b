/** What the doctor says of apps before they are launched, and what then comes of each: one table for both. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AppInstanceStatus } from '@local-datastore/shared/eve/app-instance-status';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { type RunningEngine, startDockerEngine } from '../lab/docker-engine.ts';
import { createLab, type Lab } from '../lab/lab.ts';
import { eveAgent, type RunningDatastore, startDatastore, waitForLog } from '../lab/programs.ts';
import { createWebContext } from '../lab/web-image.ts';
import { describeWith } from '../requirements.ts';

const uuid = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
const [BN1, BN2, NOWHERE] = [uuid(501), uuid(502), uuid(503)];
const [WEB, GONE, DISK] = [uuid(601), uuid(602), uuid(603)];
const [WEB_VOLUME, GONE_VOLUME, DISK_VOLUME, BLANK] = [uuid(701), uuid(702), uuid(703), uuid(704)];

const portMap = (lport: string) => ({
  matches: [
    { type: 'protocol', value: 'tcp' },
    { type: 'lport', value: lport },
  ],
  actions: [{ portmap: true, appPort: 80 }],
});
const on = (networkId: string, more: object = {}) => ({ networkId, ...more });
const TAKEN_PORT = 18_090;

interface Row {
  readonly name: string;
  readonly app: object;
  /** Codes of what the doctor finds; the first is that of a problem where it ends with `!`. */
  readonly finds: readonly string[];
  /** What the agent says of it; absent: it runs, or is halted. */
  readonly error?: RegExp;
}
const ROWS: readonly Row[] = [
  {
    name: 'plain',
    app: { interfaces: [on(BN1, { addr: '10.1.0.50', acls: [portMap('18081')] })] },
    finds: [],
  },
  {
    name: 'volume',
    app: { volumeRefList: [{ uuid: WEB_VOLUME }, { uuid: BLANK, mount_dir: '/x' }] },
    finds: [],
  },
  { name: 'halted', app: { activate: false }, finds: [] },
  { name: 'memory', app: { fixedresources: { memory: '1099511627776' } }, finds: ['memory'] },
  { name: 'two bridges', app: { interfaces: [on(BN1), on(BN2)] }, finds: [] },
  { name: 'processors', app: { fixedresources: { vcpus: 1000 } }, finds: ['processors!'], error: /CPUs/ },
  {
    name: 'permission',
    app: { localDatastore: { args: ['--privileged'] } },
    ...{ finds: ['arguments!'], error: /--privileged true needs the permission "privileged"/ },
  },
  {
    name: 'port',
    app: { interfaces: [on(BN1, { acls: [portMap(String(TAKEN_PORT))] })] },
    ...{ finds: ['port-taken!'], error: /address already in use/ },
  },
  {
    name: 'bridge address',
    app: { interfaces: [on(BN1, { addr: '10.1.0.1' })] },
    ...{ finds: ['address-of-bridge!'], error: /Address already in use/ },
  },
  {
    name: 'outside',
    app: { interfaces: [on(BN1, { addr: '10.7.0.9' })] },
    ...{ finds: ['configuration!'], error: /10\.7\.0\.9 is not of bn1/ },
  },
  {
    name: 'no bridge',
    app: { interfaces: [on(NOWHERE)] },
    ...{ finds: ['configuration!'], error: /no bridge of this host/ },
  },
  { name: 'user data', app: { userData: btoa('secret') }, finds: ['configuration!'], error: /KEY=value/ },
  {
    name: 'order',
    app: { interfaces: [on(BN2), on(BN1)] },
    ...{ finds: ['engine-too-old!', 'engine-too-old!'], error: /needs an engine that speaks API 1\.48/ },
  },
  {
    name: 'content',
    app: { volumeRefList: [{ uuid: GONE_VOLUME }] },
    finds: ['content!'],
    error: /no image archives\/none:v1/,
  },
  {
    name: 'machine',
    app: { volumeRefList: [{ uuid: DISK_VOLUME }], fixedresources: { memory: 65_536 } },
    // What is there for VMs is this host's own.
    ...{ finds: ['content!'], error: /404/ },
  },
];

describeWith(['lab', 'root', 'dockerd', 'iptables', 'nginx'], 'the doctor of apps', () => {
  let folder: string;
  let lab: Lab;
  let engine: RunningEngine;
  let datastore: RunningDatastore;
  let agent: ChildProcess | undefined;
  let holder: ChildProcess | undefined;
  const at = (...names: readonly string[]) => join(folder, ...names);

  /** By name of the app, the codes of what is found. */
  async function askDoctor(socket = engine.socket) {
    const words = ['--apps', at('config.json'), '--engine', socket, '--timeout', '1', '--json'];
    const { stdout, stderr, exitCode } = await lab.host.run(eveAgent('doctor', ...words));
    if (stdout === '') throw new Error(stderr);
    const { checks, verdict } = JSON.parse(stdout) as {
      verdict: string;
      checks: { title: string; findings: { code: string; verdict: string; message: string }[] }[];
    };
    const found = checks.map(({ title, findings }) => {
      const ofApp = findings.filter(({ code }) => !['no-machines', 'no-kvm'].includes(code));
      const codes = ofApp.map(({ code, verdict: each }) => code + (each === 'problem' ? '!' : ''));
      return [title, codes] as const;
    });
    return { found: Object.fromEntries(found), verdict, exitCode };
  }
  async function statuses(): Promise<Record<string, AppInstanceStatus>> {
    const { stdout } = await lab.host.run(eveAgent('app', 'list', '--json', '--state', at('state')));
    const apps = JSON.parse(stdout || '[]') as AppInstanceStatus[];
    return Object.fromEntries(apps.map((app) => [app.DisplayName, app]));
  }

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'doctor-apps-'));
    lab = await createLab();
    await lab.addBridge('bn1', '10.1.0.1/24');
    await lab.addBridge('bn2', '10.2.0.1/24');
    const place = await lab.addApp({ name: 'ds', bridge: 'bn1', address: '10.1.0.5/24' });
    engine = await startDockerEngine(lab.host, at('engine'), '--bridge', '', '--iptables=true');
    await mkdir(at('root'), { recursive: true });
    await engine.docker('build', '--quiet', '--tag', 'lab/web:v1', await createWebContext(at('v1'), 'v1'));
    await engine.docker('save', '--output', at('root', 'v1.tar'), 'lab/web:v1');
    await engine.docker('image', 'rm', '--force', 'lab/web:v1');
    datastore = await startDatastore(place, [
      ...['--root', at('root'), '--state', at('store'), '--host-name', 'ds'],
    ]);
    const manifest = 'http://10.1.0.5/v2/archives/v1/manifests/v1';
    await vi.waitFor(() => lab.host.mustRun(['curl', '--silent', '--fail', manifest]), {
      timeout: 60_000,
      interval: 200,
    });
    const listen = `require('node:net').createServer().listen(${TAKEN_PORT}, () => console.error('"listening"'))`;
    holder = lab.host.start([process.execPath, '-e', listen], { stdio: ['ignore', 'ignore', 'pipe'] });
    await waitForLog(holder, '"listening"').seen;

    const registry = { id: uuid(901), dType: 'DsContainerRegistry', fqdn: 'docker://ds.local' };
    const files = { id: uuid(902), dType: 'DsHttp', fqdn: 'http://ds.local' };
    const image = (id: string, URL: string) => ({
      uuid: id,
      dsIdsList: [registry.id],
      URL,
      iformat: 'CONTAINER',
    });
    const volumeOf = (id: string, downloadContentTreeID: string) => ({
      uuid: id,
      origin: { type: 'VCOT_DOWNLOAD', downloadContentTreeID },
    });
    const instanceOf = (id: string, displayname: string, more: object) => ({
      ...{ uuidandversion: { uuid: id }, displayname },
      ...more,
    });
    const document = {
      datastores: [registry, files],
      contentInfo: [
        image(WEB, 'archives/v1:v1'),
        image(GONE, 'archives/none:v1'),
        { uuid: DISK, dsIdsList: [files.id], URL: 'none.img', iformat: 'RAW', sha256: 'ab'.repeat(32) },
      ],
      volumes: [
        volumeOf(WEB_VOLUME, WEB),
        volumeOf(GONE_VOLUME, GONE),
        volumeOf(DISK_VOLUME, DISK),
        { uuid: BLANK, origin: { type: 'VCOT_BLANK' }, maxsizebytes: '1000000' },
      ],
      networkInstances: [
        instanceOf(BN1, 'one', { localDatastore: { bridge: 'bn1' } }),
        instanceOf(BN2, 'two', { localDatastore: { bridge: 'bn2' } }),
        instanceOf(NOWHERE, 'nowhere', {}),
      ],
      apps: ROWS.map(({ name, app }, i) => ({
        ...{ uuidandversion: { uuid: uuid(i + 1) }, displayname: name, activate: true },
        ...{
          interfaces: [on(BN1)],
          volumeRefList: [{ uuid: WEB_VOLUME }],
          localDatastore: { settle: '100ms' },
        },
        ...app,
      })),
    };
    await writeFile(at('config.json'), JSON.stringify(document));
  });
  afterAll(async () => {
    if (agent?.exitCode === null && agent.signalCode === null) {
      const ended = once(agent, 'exit');
      agent.kill('SIGKILL');
      await ended;
    }
    holder?.kill('SIGKILL');
    const ids = (await engine?.run('ps', '--all', '--quiet'))?.stdout.split('\n').filter(Boolean) ?? [];
    if (ids.length > 0) await engine.run('rm', '--force', ...ids);
    await engine?.stop();
    await datastore?.kill();
    await lab?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const expected = Object.fromEntries(ROWS.map(({ name, finds }) => [name, finds]));

  it('says which can be launched, and why others cannot, before any is', async () => {
    const { found, verdict, exitCode } = await askDoctor();
    expect(found).toMatchObject(expected);
    expect(verdict).toMatch(/^5 of 15 apps can be launched here, not processors, permission, /);
    expect(exitCode).toBe(2);
    expect((await engine.docker('ps', '--all', '--quiet')).trim()).toBe('');
    expect(await engine.docker('network', 'ls', '--format', '{{.Name}}')).not.toContain('eve_');
  });

  it('says so of all containers where there is no engine', async () => {
    const { found } = await askDoctor(at('none.sock'));
    expect([found.plain, found.halted, found.machine]).toEqual([
      ...[['no-engine!'], ['no-engine!'], ['content!']],
    ]);
  });

  it('was right', async () => {
    const child = lab.host.start(
      eveAgent(
        ...['run', '--state', at('state'), '--config', at('config.json'), '--reserve', '0'],
        ...['--apps', '--engine', engine.socket],
      ),
      { stdio: ['ignore', 'ignore', 'pipe'] },
    );
    agent = child;
    await waitForLog(child, '"running"').seen;
    const isSettled = ({ State, Error: error }: AppInstanceStatus) =>
      ['RUNNING', 'HALTED'].includes(State) || error !== '';
    const settled = async () => Object.values(await statuses()).filter(isSettled).length;
    await expect.poll(settled, { timeout: 300_000, interval: 500 }).toBe(ROWS.length);
    const all = await statuses();
    const outcome = ROWS.map(({ name }) => [name, all[name]?.Error ?? 'none of it']);
    const wanted = ROWS.map(({ name, error }) => [
      name,
      error === undefined ? '' : expect.stringMatching(error),
    ]);
    expect(outcome).toEqual(wanted);
  });

  it('takes what runs of an app for no hindrance to it', async () => {
    expect((await askDoctor()).found).toMatchObject({
      ...expected,
      plain: [],
      volume: [],
      'two bridges': [],
    });
  });
});
