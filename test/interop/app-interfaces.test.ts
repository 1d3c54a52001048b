/** Apps on several bridges, and bridges that get another address, with real engines. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AppInstanceStatus } from '@local-datastore/shared/eve/app-instance-status';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type RunningEngine, startDockerEngine } from '../lab/docker-engine.ts';
import { type App, createLab, type Lab } from '../lab/lab.ts';
import { startNewerDockerEngine } from '../lab/newer-docker-engine.ts';
import { eveAgent, type RunningDatastore, startDatastore, waitForLog } from '../lab/programs.ts';
import { createWebContext } from '../lab/web-image.ts';
import { describeWith, type Requirement } from '../requirements.ts';

const uuid = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
const APP = uuid(1);
const MAC = '02:ab:00:00:00:21';
const INSTANCES = { bn1: uuid(5), bn2: uuid(6) } as const;
type Bridge = keyof typeof INSTANCES;

const interfaceOn = (bridge: Bridge, more: object = {}) => ({ networkId: INSTANCES[bridge], ...more });
const portMap = (lport: string) => ({
  matches: [
    { type: 'protocol', value: 'tcp' },
    { type: 'lport', value: lport },
  ],
  actions: [{ portmap: true, appPort: 80 }],
});

interface TestedEngine {
  readonly title: string;
  readonly requirement: Requirement;
  start(place: Lab['host'], folder: string): Promise<RunningEngine>;
  /** Whether it takes names of interfaces and a MAC address for each. */
  readonly isNew: boolean;
}
const ENGINES: readonly TestedEngine[] = [
  {
    title: 'Debian’s engine',
    requirement: 'dockerd',
    start: (place, folder) => startDockerEngine(place, folder, '--bridge', '', '--iptables=true'),
    isNew: false,
  },
  {
    title: 'a newer engine',
    requirement: 'newer-dockerd',
    // Without iptables, which its packages have by alternatives alone: ports come in by its proxy.
    start: (place, folder) => startNewerDockerEngine(place, folder),
    isNew: true,
  },
];

describe.each(ENGINES)('$title', ({ requirement, start, isNew }) => {
  describeWith(['lab', 'root', requirement, 'iptables', 'nginx'], 'apps on bridges', () => {
    let folder: string;
    let lab: Lab;
    let engine: RunningEngine;
    let datastore: RunningDatastore;
    let agent: ChildProcess | undefined;
    let counter = 0;
    const neighbours = new Map<Bridge, App>();
    const at = (...names: readonly string[]) => join(folder, ...names);

    async function startAgent() {
      const places = ['--state', at('state'), '--config', at('config.json')];
      const child = lab.host.start(
        eveAgent('run', ...places, '--apps', '--engine', engine.socket, '--reserve', '0'),
        { stdio: ['ignore', 'ignore', 'pipe'] },
      );
      agent = child;
      await waitForLog(child, '"running"').seen;
    }
    async function endAgent() {
      if (agent === undefined || agent.exitCode !== null || agent.signalCode !== null) return;
      const ended = once(agent, 'exit');
      agent.kill('SIGKILL');
      await ended;
    }
    /** The app on these interfaces, each time with higher counters. */
    async function configure(...interfaces: readonly object[]) {
      counter += 1;
      const instanceOf = (bridge: Bridge) => ({
        ...{ uuidandversion: { uuid: INSTANCES[bridge] }, displayname: bridge, localDatastore: { bridge } },
      });
      const document = {
        datastores: [{ id: uuid(9), dType: 'DsContainerRegistry', fqdn: 'docker://ds.local' }],
        contentInfo: [
          {
            ...{ uuid: uuid(3), dsIdsList: [uuid(9)], URL: 'archives/v1:v1', iformat: 'CONTAINER' },
            displayName: 'web',
          },
        ],
        volumes: [{ uuid: uuid(2), origin: { type: 'VCOT_DOWNLOAD', downloadContentTreeID: uuid(3) } }],
        networkInstances: [instanceOf('bn1'), instanceOf('bn2')],
        apps: [
          {
            ...{ uuidandversion: { uuid: APP }, displayname: 'web', activate: true, interfaces },
            ...{ restart: { counter }, purge: { counter }, volumeRefList: [{ uuid: uuid(2) }] },
            localDatastore: { settle: '300ms', health: { kind: 'http', port: 80, path: '/' } },
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
    const hears = async (bridge: Bridge, address: string, port = 80) => {
      const url = `http://${address}:${port}/`;
      return (await neighbours.get(bridge)?.run(['curl', '--silent', '--max-time', '5', url]))?.stdout;
    };
    const container = async (form: string) =>
      (await engine.docker('inspect', '--format', form, `eve_${APP}`)).trim();
    /** The names of its interfaces, each with its addresses. */
    async function interfaces(): Promise<Record<string, { mac: string; address: string }>> {
      const pid = await container('{{.State.Pid}}');
      const text = await lab.host.mustRun(['nsenter', '--target', pid, '--net', 'ip', '-json', 'address']);
      const links = JSON.parse(text) as {
        ifname: string;
        address: string;
        addr_info: { family: string; local: string }[];
      }[];
      const found = links.filter(({ ifname }) => ifname !== 'lo');
      return Object.fromEntries(
        found.map(({ ifname, address: mac, addr_info }) => {
          const address = addr_info.find(({ family }) => family === 'inet')?.local ?? '';
          return [ifname, { mac, address }];
        }),
      );
    }
    const isHeard = (address: string, bridge: Bridge = 'bn1', port = 80) =>
      expect.poll(() => hears(bridge, address, port), { timeout: 30_000, interval: 200 }).toBe('v1');

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'interfaces-'));
      lab = await createLab();
      await lab.addBridge('bn1', '10.1.0.1/24');
      await lab.addBridge('bn2', '10.2.0.1/24');
      const place = await lab.addApp({ name: 'ds', bridge: 'bn1', address: '10.1.0.5/24' });
      neighbours.set('bn1', await lab.addApp({ name: 'one', bridge: 'bn1', address: '10.1.0.77/24' }));
      neighbours.set('bn2', await lab.addApp({ name: 'two', bridge: 'bn2', address: '10.2.0.77/24' }));
      await mkdir(at('engine'));
      engine = await start(lab.host, at('engine'));
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
      await configure(
        interfaceOn('bn1', { addr: '10.1.0.50', acls: [portMap('18081')] }),
        interfaceOn('bn2'),
      );
      await startAgent();
    });
    afterAll(async () => {
      await endAgent();
      const ids = (await engine?.run('ps', '--all', '--quiet'))?.stdout.split('\n').filter(Boolean) ?? [];
      if (ids.length > 0) await engine.run('rm', '--force', ...ids);
      await engine?.stop();
      await datastore?.kill();
      await lab?.stop();
      await rm(folder, { recursive: true, force: true });
    });

    it('are reached on each of their interfaces, which are called in their order', async () => {
      await becomes({ State: 'RUNNING', Error: '', IPAddress: '10.1.0.50', Bridge: 'bn1' });
      const found = await interfaces();
      expect(Object.keys(found).sort()).toEqual(['eth0', 'eth1']);
      expect([found.eth0?.address, found.eth1?.address]).toEqual([
        '10.1.0.50',
        expect.stringMatching(/^10\.2\.0\./),
      ]);
      await isHeard('10.1.0.50');
      await isHeard(found.eth1?.address ?? '', 'bn2');
      // By a port of the host, from either side.
      const byPort = [await hears('bn1', '10.1.0.1', 18_081), await hears('bn2', '10.2.0.1', 18_081)];
      expect(byPort).toEqual(['v1', 'v1']);
    });

    it('keep that over a restart of the engine', async () => {
      const before = await interfaces();
      await engine.docker('restart', `eve_${APP}`);
      const namesOf = (found: Awaited<typeof before>) =>
        new Map(Object.entries(found).map(([name, { address }]) => [name, address]));
      expect(namesOf(await interfaces())).toEqual(namesOf(before));
    });

    it('have another order and MAC addresses, or are told what the engine cannot do', async () => {
      const wanted = [
        interfaceOn('bn2', { addr: '10.2.0.50', acls: [portMap('18082')] }),
        interfaceOn('bn1', { addr: '10.1.0.51', macAddress: MAC }),
      ];
      await configure(...wanted);
      if (isNew) {
        await becomes({ State: 'RUNNING', Error: '', Generation: 2, IPAddress: '10.2.0.50', Bridge: 'bn2' });
        expect(await interfaces()).toMatchObject({
          eth0: { address: '10.2.0.50' },
          eth1: { address: '10.1.0.51', mac: MAC },
        });
        await isHeard('10.1.0.51');
        await isHeard('10.1.0.1', 'bn1', 18_082);
        return;
      }
      await becomes({ State: 'RUNNING', ErrorCode: 'ENGINE_REFUSED', Generation: 1, IPAddress: '10.1.0.50' });
      const { Error: reason = '' } = await status();
      expect(reason).toContain(
        `the MAC address ${MAC} on eve_bn1, a further network, needs an engine that speaks`,
      );
      expect(reason).toContain('the interface eth0 on eve_bn2 (it would be eth1');
      expect(await hears('bn1', '10.1.0.50')).toBe('v1');
    });

    describe('on a bridge that gets another address', () => {
      const asked = { answered: 0, failed: 0 };
      const moveBridge = async (from: string, to: string) => {
        await lab.host.mustRun(['ip', 'address', 'del', from, 'dev', 'bn2']);
        await lab.host.mustRun(['ip', 'address', 'add', to, 'dev', 'bn2']);
      };
      it('move to its new subnet, and are reached by their port meanwhile', async () => {
        await neighbours.get('bn2')?.mustRun(['ip', 'address', 'add', '10.9.0.77/24', 'dev', 'eth0']);
        await configure(interfaceOn('bn2', { acls: [portMap('18083')] }));
        await becomes({
          State: 'RUNNING',
          Error: '',
          Bridge: 'bn2',
          IPAddress: expect.stringMatching(/^10\.2\.0\./),
        });
        await isHeard('10.1.0.1', 'bn1', 18_083);
        const { Generation = 0 } = await status();
        const ending = new AbortController();
        const asking = (async () => {
          while (!ending.signal.aborted) {
            const answer = await hears('bn1', '10.1.0.1', 18_083);
            asked[answer === 'v1' ? 'answered' : 'failed'] += 1;
          }
        })();
        await moveBridge('10.2.0.1/24', '10.9.0.1/24');
        await becomes({
          ...{ State: 'RUNNING', Error: '', Generation: Generation + 1, Bridge: 'bn2' },
          IPAddress: expect.stringMatching(/^10\.9\.0\./),
        });
        ending.abort();
        await asking;
        await isHeard((await status()).IPAddress ?? '', 'bn2');
        await isHeard('10.1.0.1', 'bn1', 18_083);
        expect(asked.answered).toBeGreaterThan(0);
        const subnet = await engine.docker(
          'network',
          'inspect',
          '--format',
          '{{json .IPAM.Config}}',
          'eve_bn2',
        );
        expect(JSON.parse(subnet)).toMatchObject([{ Subnet: '10.9.0.0/24', Gateway: '10.9.0.1' }]);
        const left = await engine.docker('ps', '--all', '--format', '{{.Names}}');
        expect(left.trim()).toBe(`eve_${APP}`);
      });

      it('are broken where their address is not of it, and run again with one that is', async () => {
        await configure(interfaceOn('bn2', { addr: '10.9.0.50' }));
        await becomes({ State: 'RUNNING', Error: '', IPAddress: '10.9.0.50' });
        await moveBridge('10.9.0.1/24', '10.2.0.1/24');
        const reason = 'the address 10.9.0.50 is not of bn2, which has 10.2.0.1/24';
        await becomes({ State: 'BROKEN', ErrorCode: 'APP_UNUSABLE', Error: expect.stringContaining(reason) });
        await configure(interfaceOn('bn2', { addr: '10.2.0.50' }));
        await becomes({ State: 'RUNNING', Error: '', IPAddress: '10.2.0.50' });
        await isHeard('10.2.0.50', 'bn2');
      });
    });
  });
});
