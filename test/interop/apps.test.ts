/**
 * From the datastore to a running application: an image that our datastore has, a device configuration, and Docker's
 * engine on the bridge. No other network is there.
 */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AppInstanceStatus } from '@local-datastore/shared/eve/app-instance-status';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import type { RunningEngine } from '../lab/docker-engine.ts';
import { ENGINE_KINDS, type EngineKind } from '../lab/engine-kinds.ts';
import { type App, createLab, type Lab } from '../lab/lab.ts';
import { eveAgent, type RunningDatastore, startDatastore, waitForLog } from '../lab/programs.ts';
import { createWebContext } from '../lab/web-image.ts';
import { describeWith } from '../requirements.ts';

const uuid = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
const APP = uuid(1);
const ADDRESS = '10.1.0.50';

function launchesApplications(kind: EngineKind): void {
  let folder: string;
  let lab: Lab;
  let neighbour: App;
  let engine: RunningEngine;
  let datastore: RunningDatastore;
  let agent: ChildProcess | undefined;
  const at = (...names: readonly string[]) => join(folder, ...names);

  async function startAgent() {
    const places = ['--state', at('state'), '--config', at('config.json')];
    const child = lab.host.start(
      eveAgent('run', ...places, '--apps', '--engine', at('engine/docker.sock'), '--reserve', '0'),
      { stdio: ['ignore', 'ignore', 'pipe'] },
    );
    agent = child;
    await waitForLog(child, '"running"').seen;
  }
  async function endAgent(signal: NodeJS.Signals) {
    if (agent === undefined || agent.exitCode !== null || agent.signalCode !== null) return;
    const ended = once(agent, 'exit');
    agent.kill(signal);
    await ended;
  }
  /** @param tag of the image; @param more of the app */
  async function configure(tag: string, more: object = {}) {
    const document = {
      datastores: [{ id: uuid(9), dType: 'DsContainerRegistry', fqdn: 'docker://ds.local' }],
      contentInfo: [
        {
          ...{ uuid: uuid(3), dsIdsList: [uuid(9)], URL: `archives/${tag}:${tag}` },
          ...{ iformat: 'CONTAINER', displayName: 'web' },
        },
      ],
      volumes: [
        { uuid: uuid(2), origin: { type: 'VCOT_DOWNLOAD', downloadContentTreeID: uuid(3) } },
        { uuid: uuid(4), origin: { type: 'VCOT_BLANK' }, maxsizebytes: '1000000' },
      ],
      networkInstances: [
        {
          ...{ uuidandversion: { uuid: uuid(5) }, displayname: 'local', instType: 'ZnetInstLocal' },
          ip: { gateway: '10.1.0.1' },
        },
      ],
      apps: [
        {
          ...{ uuidandversion: { uuid: APP, version: '1' }, displayname: 'web', activate: true },
          fixedresources: { memory: 262_144, vcpus: 1 },
          interfaces: [{ name: 'eth0', networkId: uuid(5), addr: ADDRESS }],
          volumeRefList: [{ uuid: uuid(2) }, { uuid: uuid(4), mount_dir: '/data' }],
          localDatastore: { settle: '300ms', health: { kind: 'http', port: 80, path: '/' } },
          ...more,
        },
      ],
    };
    await writeFile(at('config.json.new'), JSON.stringify(document));
    await rename(at('config.json.new'), at('config.json'));
  }
  async function status(): Promise<Partial<AppInstanceStatus>> {
    const { stdout } = await lab.host.run(eveAgent('app', 'list', '--json', '--state', at('state')));
    const [app = {}] = JSON.parse(stdout || '[]') as AppInstanceStatus[];
    return app;
  }
  const becomes = (expected: object) =>
    expect.poll(status, { timeout: 120_000, interval: 300 }).toMatchObject(expected);
  /** What another app on the bridge hears of it. */
  const ask = async () =>
    (await neighbour.run(['curl', '--silent', '--max-time', '5', `http://${ADDRESS}/`])).stdout;
  const container = async (form: string) =>
    (await engine.docker('inspect', '--format', form, `eve_${APP}`)).trim();

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'apps-'));
    lab = await createLab();
    await lab.addBridge('bn1', '10.1.0.1/24');
    const place = await lab.addApp({ name: 'ds', bridge: 'bn1', address: '10.1.0.5/24' });
    neighbour = await lab.addApp({ name: 'other', bridge: 'bn1', address: '10.1.0.77/24' });
    await mkdir(at('engine'));
    engine = await kind.start(lab.host, at('engine'), '--bridge', '', '--iptables=true');
    await mkdir(at('root'), { recursive: true });
    for (const word of ['v1', 'v2']) {
      const tag = `lab/web:${word}`;
      await engine.docker('build', '--quiet', '--tag', tag, await createWebContext(at(word), word));
      await engine.docker('save', '--output', at('root', `${word}.tar`), tag);
      await engine.docker('image', 'rm', '--force', tag);
    }
    datastore = await startDatastore(place, [
      ...['--root', at('root'), '--state', at('store'), '--host-name', 'ds'],
    ]);
    // Archives are read before they are repositories.
    for (const word of ['v1', 'v2']) {
      const manifest = `http://10.1.0.5/v2/archives/${word}/manifests/${word}`;
      await vi.waitFor(() => lab.host.mustRun(['curl', '--silent', '--fail', manifest]), {
        timeout: 60_000,
        interval: 200,
      });
    }
  });
  afterAll(async () => {
    await endAgent('SIGKILL');
    const ids = (await engine?.run('ps', '--all', '--quiet'))?.stdout.split('\n').filter(Boolean) ?? [];
    if (ids.length > 0) await engine.run('rm', '--force', ...ids);
    await engine?.stop();
    await datastore?.kill();
    await lab?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it('is found, verified, launched, and reached by its neighbours on the bridge', async () => {
    await configure('v1', { userData: btoa('ANSWER=return 200 from-user-data;') });
    await startAgent();
    await becomes({ State: 'RUNNING', IPAddress: ADDRESS, Bridge: 'bn1', Generation: 1, Error: '' });
    expect(await ask()).toBe('from-user-data');
    const limits = await container('{{.HostConfig.Memory}} {{.HostConfig.NanoCpus}}');
    expect(limits).toBe(`${256 * 1024 * 1024} 1000000000`);
    expect(await container('{{range .Mounts}}{{.Type}} {{.Destination}}{{end}}')).toBe('volume /data');
  });

  it('a change without a higher counter is told of, and changes nothing', async () => {
    await configure('v1');
    await becomes({ State: 'RUNNING', ErrorCode: 'APP_UNCHANGED', Generation: 1 });
    expect(await ask()).toBe('from-user-data');
  });

  it('another image rolls it forward, with the agent killed in between', async () => {
    await configure('v2', { restart: { counter: 1 } });
    await endAgent('SIGKILL');
    await startAgent();
    await becomes({ State: 'RUNNING', Generation: 2, Error: '' });
    expect(await ask()).toBe('v2');
  });

  it('a version that fails leaves the one before serving, with the datastore away', async () => {
    await datastore.kill();
    await configure('v2', { restart: { counter: 2 }, userData: btoa('ANSWER=return 500;') });
    await becomes({ State: 'RUNNING', ErrorCode: 'UNHEALTHY', Generation: 2 });
    expect(await ask()).toBe('v2');
    await configure('v2', { restart: { counter: 3 } });
    await becomes({ State: 'RUNNING', Error: '' });
    expect(await ask()).toBe('v2');
  });

  it('is halted, and gone with its entry', async () => {
    await configure('v2', { restart: { counter: 3 }, activate: false });
    await becomes({ State: 'HALTED' });
    expect(await container('{{.State.Running}}')).toBe('false');
    await writeFile(at('config.json'), JSON.stringify({ datastores: [], contentInfo: [] }));
    const left = async () => (await engine.run('ps', '--all', '--quiet')).stdout;
    await expect.poll(left, { timeout: 60_000, interval: 300 }).toBe('');
  });
}

for (const kind of ENGINE_KINDS) {
  describeWith(
    ['lab', 'root', 'dockerd', kind.requirement, 'iptables', 'nginx'],
    `applications on ${kind.title}`,
    () => launchesApplications(kind),
  );
}
