// SPDX-License-Identifier: Apache-2.0
/** Apps on several bridges, and bridges that get another address, with real engines. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type AppsHost, createAppsHost, portMap, uuidOf } from '../lab/apps/apps-host.ts';
import { DEBIAN_ENGINE, ENGINE_KINDS } from '../lab/engine-kinds.ts';
import type { Namespace } from '../lab/namespace.ts';
import { describeWith } from '../requirements.ts';

const APP = uuidOf(1);
const MAC = '02:ab:00:00:00:21';
const BRIDGES = { bn1: 1, bn2: 2 } as const;
const INSTANCES = { bn1: uuidOf(5), bn2: uuidOf(6) } as const;
type Bridge = keyof typeof INSTANCES;

const interfaceOn = (bridge: Bridge, more: object = {}) => ({ networkId: INSTANCES[bridge], ...more });
const ENGINES = ENGINE_KINDS.map((kind) =>
  kind === DEBIAN_ENGINE
    ? kind
    : // Without iptables: ports come in by its proxy.
      { ...kind, start: (place: Namespace, folder: string) => kind.start(place, folder) },
);

describe.each(ENGINES)('$title', (kind) => {
  describeWith(['lab', 'root', 'dockerd', kind.requirement, 'iptables', 'nginx'], 'apps on bridges', () => {
    let host: AppsHost;
    let counter = 0;

    /** The app on these interfaces, each time with higher counters. */
    async function configure(...interfaces: readonly object[]) {
      counter += 1;
      const instanceOf = (bridge: Bridge) => ({
        ...{ uuidandversion: { uuid: INSTANCES[bridge] }, displayname: bridge, localDatastore: { bridge } },
      });
      await host.configure({
        datastores: [{ id: uuidOf(9), dType: 'DsContainerRegistry', fqdn: 'docker://ds.local' }],
        contentInfo: [
          {
            ...{ uuid: uuidOf(3), dsIdsList: [uuidOf(9)], URL: 'archives/v1:v1', iformat: 'CONTAINER' },
            displayName: 'web',
          },
        ],
        volumes: [{ uuid: uuidOf(2), origin: { type: 'VCOT_DOWNLOAD', downloadContentTreeID: uuidOf(3) } }],
        networkInstances: [instanceOf('bn1'), instanceOf('bn2')],
        apps: [
          {
            ...{ uuidandversion: { uuid: APP }, displayname: 'web', activate: true, interfaces },
            ...{ restart: { counter }, purge: { counter }, volumeRefList: [{ uuid: uuidOf(2) }] },
            localDatastore: { settle: '300ms', health: { kind: 'http', port: 80, path: '/' } },
          },
        ],
      });
    }
    const hears = (bridge: Bridge, address: string, port = 80) =>
      host.hears(`http://${address}:${port}/`, BRIDGES[bridge]);
    const container = async (form: string) =>
      (await host.engine.docker('inspect', '--format', form, `eve_${APP}`)).trim();
    /** The names of its interfaces, each with its addresses. */
    async function interfaces(): Promise<Record<string, { mac: string; address: string }>> {
      const pid = await container('{{.State.Pid}}');
      const text = await host.lab.host.mustRun([
        'nsenter',
        '--target',
        pid,
        '--net',
        'ip',
        '-json',
        'address',
      ]);
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
      expect.poll(() => hears(bridge, address, port), { interval: 200 }).toBe('v1');

    beforeAll(async () => {
      host = await createAppsHost({ bridges: 2, engine: kind, images: ['v1'] });
      await configure(
        interfaceOn('bn1', { addr: '10.1.0.50', acls: [portMap('18081')] }),
        interfaceOn('bn2'),
      );
      await host.startAgent();
    });
    afterAll(() => host?.stop());

    it('are reached on each of their interfaces, which are called in their order', async () => {
      await host.becomes({ State: 'RUNNING', Error: '', IPAddress: '10.1.0.50', Bridge: 'bn1' });
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
      expect(await host.status()).toMatchObject({
        PortMaps: [{ Protocol: 'tcp', HostAddress: '', HostPort: 18_081, AppPort: 80 }],
      });
    });

    it('keep that over a restart of the engine', async () => {
      const before = await interfaces();
      await host.engine.docker('restart', `eve_${APP}`);
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
      if (kind !== DEBIAN_ENGINE) {
        await host.becomes({
          State: 'RUNNING',
          Error: '',
          Generation: 2,
          IPAddress: '10.2.0.50',
          Bridge: 'bn2',
        });
        expect(await interfaces()).toMatchObject({
          eth0: { address: '10.2.0.50' },
          eth1: { address: '10.1.0.51', mac: MAC },
        });
        await isHeard('10.1.0.51');
        await isHeard('10.1.0.1', 'bn1', 18_082);
        return;
      }
      await host.becomes({
        State: 'RUNNING',
        ErrorCode: 'ENGINE_REFUSED',
        Generation: 1,
        IPAddress: '10.1.0.50',
      });
      const { Error: reason = '' } = await host.status();
      expect(reason).toContain(
        `the MAC address ${MAC} on eve_bn1, a further network, needs an engine that speaks`,
      );
      expect(reason).toContain('the interface eth0 on eve_bn2 (it would be eth1');
      expect(await hears('bn1', '10.1.0.50')).toBe('v1');
    });

    describe('on a bridge that gets another address', () => {
      const asked = { answered: 0, failed: 0 };
      const moveBridge = async (from: string, to: string) => {
        await host.lab.host.mustRun(['ip', 'address', 'del', from, 'dev', 'bn2']);
        await host.lab.host.mustRun(['ip', 'address', 'add', to, 'dev', 'bn2']);
      };
      it('move to its new subnet, and are reached by their port meanwhile', async () => {
        await host.neighbours[1]?.mustRun(['ip', 'address', 'add', '10.9.0.77/24', 'dev', 'eth0']);
        const { Generation: before = 0 } = await host.status();
        await configure(interfaceOn('bn2', { acls: [portMap('18083')] }));
        await host.becomes({
          State: 'RUNNING',
          Error: '',
          Generation: before + 1,
          Bridge: 'bn2',
          IPAddress: expect.stringMatching(/^10\.2\.0\./),
        });
        await isHeard('10.1.0.1', 'bn1', 18_083);
        const { Generation = 0 } = await host.status();
        const ending = new AbortController();
        const asking = (async () => {
          while (!ending.signal.aborted) {
            const answer = await hears('bn1', '10.1.0.1', 18_083);
            asked[answer === 'v1' ? 'answered' : 'failed'] += 1;
          }
        })();
        await moveBridge('10.2.0.1/24', '10.9.0.1/24');
        await host.becomes({
          ...{ State: 'RUNNING', Error: '', Generation: Generation + 1, Bridge: 'bn2' },
          IPAddress: expect.stringMatching(/^10\.9\.0\./),
        });
        ending.abort();
        await asking;
        await isHeard((await host.status()).IPAddress ?? '', 'bn2');
        await isHeard('10.1.0.1', 'bn1', 18_083);
        expect(asked.answered).toBeGreaterThan(0);
        const subnet = await host.engine.docker(
          'network',
          'inspect',
          '--format',
          '{{json .IPAM.Config}}',
          'eve_bn2',
        );
        expect(JSON.parse(subnet)).toMatchObject([{ Subnet: '10.9.0.0/24', Gateway: '10.9.0.1' }]);
        const left = await host.engine.docker('ps', '--all', '--format', '{{.Names}}');
        expect(left.trim()).toBe(`eve_${APP}`);
      });

      it('are broken where their address is not of it, and run again with one that is', async () => {
        await configure(interfaceOn('bn2', { addr: '10.9.0.50' }));
        await host.becomes({ State: 'RUNNING', Error: '', IPAddress: '10.9.0.50' });
        await moveBridge('10.9.0.1/24', '10.2.0.1/24');
        const reason = 'the address 10.9.0.50 is not of bn2, which has 10.2.0.1/24';
        await host.becomes({
          State: 'BROKEN',
          ErrorCode: 'APP_UNUSABLE',
          Error: expect.stringContaining(reason),
        });
        await configure(interfaceOn('bn2', { addr: '10.2.0.50' }));
        await host.becomes({ State: 'RUNNING', Error: '', IPAddress: '10.2.0.50' });
        await isHeard('10.2.0.50', 'bn2');
      });
    });
  });
});
