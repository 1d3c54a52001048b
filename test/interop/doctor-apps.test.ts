// SPDX-License-Identifier: Apache-2.0
/** What the doctor says of apps before they are launched, and what then comes of each: one table for both. */
import type { AppInstanceStatus } from '@local-datastore/shared/eve/app-instance-status';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type AppsHost, createAppsHost, portMap, uuidOf } from '../lab/apps/apps-host.ts';
import { DEBIAN_ENGINE } from '../lab/engine-kinds.ts';
import { eveAgent, waitForLog } from '../lab/programs.ts';
import { describeWith } from '../requirements.ts';

const [BN1, BN2, NOWHERE] = [uuidOf(501), uuidOf(502), uuidOf(503)];
const [WEB, GONE, DISK] = [uuidOf(601), uuidOf(602), uuidOf(603)];
const [WEB_VOLUME, GONE_VOLUME, DISK_VOLUME, BLANK] = [uuidOf(701), uuidOf(702), uuidOf(703), uuidOf(704)];

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
  let host: AppsHost;

  /** By name of the app, the codes of what is found. */
  async function askDoctor(socket = host.engineSocket) {
    const words = ['--apps', host.at('config.json'), '--engine', socket, '--timeout', '1', '--json'];
    const { stdout, stderr, exitCode } = await host.lab.host.run(eveAgent('doctor', ...words));
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
    const apps = await host.statuses();
    return Object.fromEntries(apps.map((app) => [app.DisplayName, app]));
  }

  beforeAll(async () => {
    host = await createAppsHost({ bridges: 2, engine: DEBIAN_ENGINE, images: ['v1'] });
    const listen = `require('node:net').createServer().listen(${TAKEN_PORT}, () => console.error('"listening"'))`;
    const holder = host.lab.host.start([process.execPath, '-e', listen], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    await waitForLog(holder, '"listening"').seen;

    const registry = { id: uuidOf(901), dType: 'DsContainerRegistry', fqdn: 'docker://ds.local' };
    const files = { id: uuidOf(902), dType: 'DsHttp', fqdn: 'http://ds.local' };
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
    await host.configure({
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
        ...{ uuidandversion: { uuid: uuidOf(i + 1) }, displayname: name, activate: true },
        ...{
          interfaces: [on(BN1)],
          volumeRefList: [{ uuid: WEB_VOLUME }],
          localDatastore: { settle: '100ms' },
        },
        ...app,
      })),
    });
  });
  afterAll(() => host?.stop());

  const expected = Object.fromEntries(ROWS.map(({ name, finds }) => [name, finds]));

  it('says which can be launched, and why others cannot, before any is', async () => {
    const { found, verdict, exitCode } = await askDoctor();
    expect(found).toMatchObject(expected);
    expect(verdict).toMatch(/^5 of 15 apps can be launched here, not processors, permission, /);
    expect(exitCode).toBe(2);
    expect((await host.engine.docker('ps', '--all', '--quiet')).trim()).toBe('');
    expect(await host.engine.docker('network', 'ls', '--format', '{{.Name}}')).not.toContain('eve_');
  });

  it('says so of all containers where there is no engine', async () => {
    const { found } = await askDoctor(host.at('none.sock'));
    expect([found.plain, found.halted, found.machine]).toEqual([
      ...[['no-engine!'], ['no-engine!'], ['content!']],
    ]);
  });

  it('was right', async () => {
    await host.startAgent();
    const isSettled = ({ State, Error: error }: AppInstanceStatus) =>
      ['RUNNING', 'HALTED'].includes(State) || error !== '';
    const settled = async () => Object.values(await statuses()).filter(isSettled).length;
    await expect.poll(settled, { timeout: 600_000, interval: 500 }).toBe(ROWS.length);
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
