// SPDX-License-Identifier: Apache-2.0
/**
 * From the datastore to a running application: an image that our datastore has, a device configuration, and Docker's
 * engine on the bridge. No other network is there.
 */
import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type AppsHost, createAppsHost, uuidOf } from '../lab/apps/apps-host.ts';
import { ENGINE_KINDS, type EngineKind } from '../lab/engine-kinds.ts';
import { describeWith } from '../requirements.ts';

const APP = uuidOf(1);
const ADDRESS = '10.1.0.50';
/** For as long as a test may take. */
const FOR_LONG = 3600;
const HEALTH = { kind: 'http', port: 80, path: '/' };

function launchesApplications(kind: EngineKind): void {
  let host: AppsHost;

  /** @param tag of the image; @param more of the app */
  function configure(tag: string, more: object = {}) {
    return host.configure({
      datastores: [{ id: uuidOf(9), dType: 'DsContainerRegistry', fqdn: 'docker://ds.local' }],
      contentInfo: [
        {
          ...{ uuid: uuidOf(3), dsIdsList: [uuidOf(9)], URL: `archives/${tag}:${tag}` },
          ...{ iformat: 'CONTAINER', displayName: 'web' },
        },
      ],
      volumes: [
        { uuid: uuidOf(2), origin: { type: 'VCOT_DOWNLOAD', downloadContentTreeID: uuidOf(3) } },
        { uuid: uuidOf(4), origin: { type: 'VCOT_BLANK' }, maxsizebytes: '1000000' },
      ],
      networkInstances: [
        {
          ...{ uuidandversion: { uuid: uuidOf(5) }, displayname: 'local', instType: 'ZnetInstLocal' },
          ip: { gateway: '10.1.0.1' },
        },
      ],
      apps: [
        {
          ...{ uuidandversion: { uuid: APP, version: '1' }, displayname: 'web', activate: true },
          fixedresources: { memory: 262_144, vcpus: 1 },
          interfaces: [{ name: 'eth0', networkId: uuidOf(5), addr: ADDRESS }],
          volumeRefList: [{ uuid: uuidOf(2) }, { uuid: uuidOf(4), mount_dir: '/data' }],
          localDatastore: { settle: '300ms', health: HEALTH },
          ...more,
        },
      ],
    });
  }
  /** What another app on the bridge hears of it. */
  const ask = () => host.hears(`http://${ADDRESS}/`);
  const container = async (form: string) =>
    (await host.engine.docker('inspect', '--format', form, `eve_${APP}`)).trim();

  beforeAll(async () => {
    host = await createAppsHost({ engine: kind, images: ['v1', 'v2'] });
  });
  afterAll(() => host?.stop());

  it('is found, verified, launched, and reached by its neighbours on the bridge', async () => {
    await configure('v1', { userData: btoa('ANSWER=return 200 from-user-data;') });
    await host.startAgent();
    await host.becomes({ State: 'RUNNING', IPAddress: ADDRESS, Bridge: 'bn1', Generation: 1, Error: '' });
    expect(await ask()).toBe('from-user-data');
    const { stdout } = await host.callApp('list', '--json');
    expect(JSON.parse(stdout)).toEqual(await host.statuses());
    const limits = await container('{{.HostConfig.Memory}} {{.HostConfig.NanoCpus}}');
    expect(limits).toBe(`${256 * 1024 * 1024} 1000000000`);
    expect(await container('{{range .Mounts}}{{.Type}} {{.Destination}}{{end}}')).toBe('volume /data');
  });

  it('a change without a higher counter is told of, and changes nothing', async () => {
    await configure('v1');
    await host.becomes({ State: 'RUNNING', ErrorCode: 'APP_UNCHANGED', Generation: 1 });
    expect(await ask()).toBe('from-user-data');
  });

  it('another image rolls it forward, with the agent killed in between', async () => {
    await configure('v2', { restart: { counter: 1 } });
    await host.endAgent();
    await host.startAgent();
    await host.becomes({ State: 'RUNNING', Generation: 2, Error: '' });
    expect(await ask()).toBe('v2');
  });

  it('a version that fails leaves the one before serving, with the datastore away', async () => {
    await host.datastore.kill();
    await configure('v2', {
      ...{ restart: { counter: 2 }, userData: btoa('ANSWER=return 500;') },
      localDatastore: { settle: '300ms', health: { ...HEALTH, startPeriodSeconds: 1 } },
    });
    await host.becomes({ State: 'RUNNING', ErrorCode: 'UNHEALTHY', Generation: 2 });
    expect(await ask()).toBe('v2');
    await configure('v2', { restart: { counter: 3 } });
    await host.becomes({ State: 'RUNNING', Error: '' });
    expect(await ask()).toBe('v2');
  });

  it('with a delay it is not started by the engine after a boot, but by the agent', async () => {
    await configure('v2', { restart: { counter: 4 }, startDelayInSeconds: 1 });
    await host.becomes({ State: 'RUNNING', Error: '', Generation: 3 });
    await host.endAgent();
    await host.engine.stop();
    // The agent is to take this for another boot.
    await rm(host.at('state/apps/boot.json'));
    await host.startEngine();
    expect(await container('{{.State.Running}}')).toBe('false');
    await configure('v2', { restart: { counter: 4 }, startDelayInSeconds: FOR_LONG });
    await host.startAgent();
    await host.becomes({ State: 'START_DELAYED', Error: '' });
    expect(await container('{{.State.Running}}')).toBe('false');
    await host.endAgent();
    await rm(host.at('state/apps/boot.json'));
    await configure('v2', { restart: { counter: 4 }, startDelayInSeconds: 1 });
    await host.startAgent();
    await host.becomes({ State: 'RUNNING', Error: '', Generation: 3 });
    expect(await ask()).toBe('v2');
  });

  it('is halted, and gone with its entry', async () => {
    await configure('v2', { restart: { counter: 4 }, startDelayInSeconds: 1, activate: false });
    await host.becomes({ State: 'HALTED' });
    expect(await container('{{.State.Running}}')).toBe('false');
    await host.configure({ datastores: [], contentInfo: [] });
    const left = async () => (await host.engine.run('ps', '--all', '--quiet')).stdout;
    await expect.poll(left, { timeout: 600_000, interval: 300 }).toBe('');
  });
}

for (const kind of ENGINE_KINDS) {
  describeWith(
    ['lab', 'root', 'dockerd', kind.requirement, 'iptables', 'nginx'],
    `applications on ${kind.title}`,
    () => launchesApplications(kind),
  );
}
