// SPDX-License-Identifier: Apache-2.0
/**
 * From the datastore to a running virtual machine: disks that our datastore has, a device configuration, and the host's
 * qemu on the bridge. No engine of containers is there. A guest takes half a minute to boot where it is emulated: what
 * is tried here is what only it can show.
 */
import { once } from 'node:events';
import { copyFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type AppsHost, createAppsHost, portMap, uuidOf } from '../lab/apps/apps-host.ts';
import { askByDatagram } from '../lab/datagram-client.ts';
import {
  createGuestImages,
  DATAGRAM_PORT,
  GUEST_ADDRESS,
  type GuestImages,
  sha256Of,
} from '../lab/machines/guest-image.ts';
import type { Namespace } from '../lab/namespace.ts';
import { eveAgent } from '../lab/programs.ts';
import { listOurRules } from '../lab/switch/our-rules.ts';
import { describeWith } from '../requirements.ts';

const APP = uuidOf(1);
/** Of the host, which leads datagrams to the guest. */
const UDP_PORT = 8007;
/** Emulated, beside other load. */
const BOOT_LIMIT = { timeout: 600_000, interval: 500 };
const quoted = (words: readonly string[]) => words.map((word) => `'${word}'`).join(' ');

describeWith(['lab', 'root', 'machines', 'iptables', 'curl', 'script'], 'applications that are VMs', () => {
  let host: AppsHost;
  let images: GuestImages;
  const digests = new Map<string, string>();

  /** @param file what it is started from @param more of the app @param port of the host that leads to it */
  function configure(file: string, more: object = {}, port = 8080) {
    return host.configure({
      datastores: [{ id: uuidOf(9), dType: 'DsHttp', fqdn: 'http://ds.local' }],
      contentInfo: [
        {
          ...{ uuid: uuidOf(3), dsIdsList: [uuidOf(9)], URL: file, displayName: 'guest' },
          ...{ iformat: file.endsWith('.qcow2') ? 'QCOW2' : 'RAW', sha256: digests.get(file) },
        },
      ],
      volumes: [
        { uuid: uuidOf(2), origin: { type: 'VCOT_DOWNLOAD', downloadContentTreeID: uuidOf(3) } },
        { uuid: uuidOf(4), origin: { type: 'VCOT_BLANK' }, maxsizebytes: '1048576' },
      ],
      networkInstances: [
        {
          ...{ uuidandversion: { uuid: uuidOf(5) }, displayname: 'local', instType: 'ZnetInstLocal' },
          ip: { gateway: '10.1.0.1' },
        },
      ],
      apps: [
        {
          ...{ uuidandversion: { uuid: APP, version: '1' }, displayname: 'guest', activate: true },
          fixedresources: { memory: 131_072, vcpus: 1 },
          interfaces: [
            {
              ...{ name: 'eth0', networkId: uuidOf(5), addr: GUEST_ADDRESS },
              acls: [portMap(String(port)), portMap(String(UDP_PORT), 'udp', DATAGRAM_PORT)],
            },
          ],
          volumeRefList: [{ uuid: uuidOf(2) }, { uuid: uuidOf(4) }],
          localDatastore: {
            settle: '300ms',
            health: { kind: 'http', port: 80, path: '/', startPeriodSeconds: 600 },
          },
          ...more,
        },
      ],
    });
  }
  const becomes = (expected: object) => host.becomes(expected, BOOT_LIMIT);
  /** What another app on the bridge hears of it. */
  const ask = async (path = '/') => (await host.hears(`http://${GUEST_ADDRESS}${path}`)).trim();
  /** Until it answers so: one that is busy with others may take longer than a request. */
  const answers = (word: string) => expect.poll(() => ask(), BOOT_LIMIT).toBe(word);
  /** What a host on another network hears at a port of this one. */
  const hearsAt = async (port: number) => (await host.hears(`http://10.2.0.1:${port}/`, 2)).trim();
  const hears = () => hearsAt(8080);
  /** A datagram may be lost: it is asked again. */
  const hearsByDatagram = (place: Namespace, address: string, said: string) =>
    expect.poll(() => askByDatagram(place, address, UDP_PORT, said), BOOT_LIMIT).toBe(`v1 heard ${said}`);
  /** How often a guest was started with its second disk. */
  async function starts(): Promise<number> {
    await expect.poll(() => ask('/boots'), BOOT_LIMIT).toMatch(/^\d+$/);
    return Number(await ask('/boots'));
  }

  beforeAll(async () => {
    images = await createGuestImages();
    const files = {
      'v1.img': await images.build({ word: 'v1', answersDatagrams: true }),
      'v2.qcow2': await images.buildQcow2({ word: 'v2' }),
      'off.img': await images.build({ word: 'off', mode: 'off' }),
    };
    for (const [name, path] of Object.entries(files)) digests.set(name, await sha256Of(path));
    host = await createAppsHost({
      bridges: 2,
      async fillRoot(root) {
        for (const [name, path] of Object.entries(files)) await copyFile(path, join(root, name));
      },
    });
    await host.lab.host.mustRun(['sysctl', '-qw', 'net.ipv4.ip_forward=1']);
  });
  afterAll(async () => {
    await host?.stop();
    await images?.remove();
  });

  it('is found, verified, launched, and reached by its neighbours on the bridge', async () => {
    await configure('v1.img');
    await host.startAgent();
    await becomes({ State: 'RUNNING', IPAddress: GUEST_ADDRESS, Bridge: 'bn1', Generation: 1, Error: '' });
    await answers('v1');
    expect(await starts()).toBe(1);
  });

  it('is reached at its port of the host, from other networks and from the host itself', async () => {
    await expect.poll(hears, BOOT_LIMIT).toBe('v1');
    for (const address of ['10.1.0.1', '127.0.0.1']) {
      const asked = ['curl', '--silent', '--max-time', '5', `http://${address}:8080/`];
      expect((await host.lab.host.run(asked)).stdout.trim()).toBe('v1');
    }
    // A neighbour of its own asks by the host as well.
    expect((await host.hears('http://10.1.0.1:8080/')).trim()).toBe('v1');
  });

  it('is sent datagrams by its port of the host, from wherever it is asked', async () => {
    const [neighbour, outside] = host.neighbours;
    if (neighbour === undefined || outside === undefined) throw new Error('no neighbours');
    const ipv6 = (address: string, link: string) => ['ip', 'address', 'add', address, 'dev', link, 'nodad'];
    await host.lab.host.mustRun(ipv6('fd02::1/64', 'bn2'));
    await outside.mustRun(ipv6('fd02::77/64', 'eth0'));
    await hearsByDatagram(outside, '10.2.0.1', 'from another network');
    await hearsByDatagram(outside, 'fd02::1', 'from another network, by IPv6');
    await hearsByDatagram(neighbour, '10.1.0.1', 'from its own network');
    await hearsByDatagram(host.lab.host, '10.1.0.1', 'from the host');
    await hearsByDatagram(host.lab.host, '127.0.0.1', 'by loopback');
    await hearsByDatagram(host.lab.host, '::1', 'by loopback, by IPv6');
  });

  it('has another port while it runs, and not one that a program has', async () => {
    const inForce = (HostPort: number) => ({
      PortMaps: [expect.objectContaining({ HostPort }), expect.objectContaining({ HostPort: UDP_PORT })],
    });
    const { BootTime } = await host.status();
    await becomes(inForce(8080));
    await configure('v1.img', {}, 8081);
    await expect.poll(() => hearsAt(8081), BOOT_LIMIT).toBe('v1');
    await becomes(inForce(8081));
    expect(await hears()).toBe('');
    const program = "require('node:net').createServer().listen(8082, () => console.log('up'))";
    const listener = host.lab.host.start([process.execPath, '-e', program]);
    await new Promise((up) => listener.stdout?.once('data', up));
    await configure('v1.img', {}, 8082);
    await becomes({
      State: 'RUNNING',
      ErrorCode: 'PORT_TAKEN',
      Error: expect.stringContaining('tcp port 8082'),
      ...inForce(8081),
    });
    expect(await hearsAt(8081)).toBe('v1');
    const ended = once(listener, 'exit');
    listener.kill('SIGKILL');
    await ended;
    await configure('v1.img');
    await becomes({ State: 'RUNNING', Error: '', BootTime });
    await expect.poll(hears, BOOT_LIMIT).toBe('v1');
    expect(await hearsAt(8081)).toBe('');
  });

  it('shows its console on a terminal, and what it wrote', async () => {
    const { stdout } = await host.callApp('logs', APP);
    expect(stdout).toContain('guest v1 is good');
    const command = eveAgent('app', 'console', APP, '--state', host.at('state'));
    const stdio: ('pipe' | 'ignore')[] = ['pipe', 'pipe', 'ignore'];
    const terminal = host.lab.host.start(['script', '-qec', quoted(command), '/dev/null'], { stdio });
    let shown = '';
    terminal.stdout?.on('data', (bytes: Buffer) => {
      shown += bytes;
    });
    const ended = once(terminal, 'exit');
    await expect.poll(() => shown, BOOT_LIMIT).toContain('Ctrl-] leaves it');
    terminal.stdin?.write('hello\r');
    await expect.poll(() => shown, BOOT_LIMIT).toContain('heard hello');
    terminal.stdin?.write('\x1d');
    expect(await ended).toEqual([0, null]);
    expect(shown).toContain('The console was left.');
  });

  it('goes on while the agent is killed, and is taken up by the next one', async () => {
    const before = await host.status();
    await host.endAgent();
    await answers('v1');
    expect(await hears()).toBe('v1');
    for (const outside of host.neighbours.slice(1))
      await hearsByDatagram(outside, '10.2.0.1', 'who leads it?');
    await host.startAgent();
    await becomes({ State: 'RUNNING', Generation: 1, BootTime: before.BootTime, Error: '' });
    expect(await hears()).toBe('v1');
    expect(await starts()).toBe(1);
  });

  it('serves on in the version before where the next one fails', async () => {
    await configure('off.img');
    await becomes({ State: 'RUNNING', ErrorCode: 'EXITED', Generation: 1 });
    await answers('v1');
  });

  it('another disk rolls it forward, and its second disk stays', async () => {
    const before = await starts();
    await configure('v2.qcow2');
    await becomes({ State: 'RUNNING', Generation: 2, Error: '' });
    await answers('v2');
    expect(await starts()).toBe(before + 1);
    expect(await hears()).toBe('v2');
  });

  it('is made anew by a purge', async () => {
    const disks = async () => (await readdir(host.at('state/machines/volumes'))).sort();
    const before = await disks();
    await host.callApp('purge', APP);
    await becomes({ State: 'RUNNING', Generation: 3, Error: '' });
    await answers('v2');
    const after = await disks();
    expect(after).toHaveLength(before.length);
    expect(after.filter((name) => !before.includes(name))).toHaveLength(1);
  });

  it('is halted by its button, and gone with its entry', async () => {
    await configure('v2.qcow2', { activate: false });
    await becomes({ State: 'HALTED' });
    expect((await host.callApp('logs', APP)).stdout).toContain('guest goes off');
    expect([await hears(), await listOurRules(host.lab.host)]).toEqual(['', []]);
    await host.configure({ datastores: [], contentInfo: [] });
    const left = async () => [
      ...(await readdir(host.at('state/machines/machines'))),
      ...(await readdir(host.at('state/machines/volumes'))),
    ];
    await expect.poll(left, BOOT_LIMIT).toEqual([]);
  });
});
