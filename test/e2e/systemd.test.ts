// SPDX-License-Identifier: Apache-2.0
/** The Debian packages on a Debian machine whose systemd really runs, beside a datastore on its bridge. */
import { createHash, randomBytes } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { type ContainerRuntimeClient, getContainerRuntimeClient } from 'testcontainers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ARCHITECTURE, type Built, buildPackaging } from '../integration/packaging-build.ts';
import { uuidOf } from '../lab/apps/apps-host.ts';
import {
  createGuestImages,
  sha256Of as fileSha256Of,
  type GuestImages,
} from '../lab/machines/guest-image.ts';
import { runProgram, WORKSPACE } from '../lab/run-program.ts';
import { describeWith } from '../requirements.ts';
import { describeDatastoreService } from './datastore-service.ts';
import { bootDebianHost, type DebianHost, makeDebianImage } from './debian-host.ts';

const NETWORK = 'local-datastore-systemd';
const BRIDGE = 'bn91';
const SUBNET = '10.74.1.0/24';
const DATASTORE_ADDRESS = '10.74.1.10';
const IMAGE = 'local-datastore/debian:systemd-e2e';
const LABEL = 'local-datastore-test=systemd';

const UNIT = 'eve-agent.service';
const UNIT_SOURCE = `${WORKSPACE}eve-agent/packaging/debian/eve-agent.service`;
const DROP_IN_SOURCE = `${WORKSPACE}eve-agent/packaging/debian/vms.conf`;
const DROP_IN = `/etc/systemd/system/${UNIT}.d/vms.conf`;
const GUEST_ADDRESS = '10.74.1.60';
/** Emulated, beside other load. */
const GUEST_LIMIT = { timeout: 600_000, interval: 500 };
const GUEST_TEST_MS = 600_000;
/** The packages and a Debian system to install them in are made first. */
const PREPARE_LIMIT_MS = 1_200_000;
const STATE = '/var/lib/eve-agent';
const FRAGMENT = '/etc/eve-agent/device.d/device.json';
const ENVIRONMENT_FILE = '/etc/eve-agent/eve-agent.env';

const DATASTORE_ID = '0f5d1c4e-7f5e-4c1b-9a0e-3d5b2f1c6a77';
const imageOf = (name: string, sizeBytes: number) => {
  const content = randomBytes(sizeBytes);
  return { name, content, sha256: createHash('sha256').update(content).digest('hex') };
};
type Image = ReturnType<typeof imageOf>;
const SMALL = imageOf('small', 300_000);
const OTHER = imageOf('other', 200_000);
/** With RATE_LIMIT it is on its way for long enough to be disturbed twice. */
const LARGE = imageOf('large', 12_000_000);
const RATE_LIMIT = '2M';

/** As a controller writes it. */
const deviceConfig = (...images: Image[]) =>
  JSON.stringify({
    datastores: [{ id: DATASTORE_ID, dType: 'DsHttp', fqdn: 'http://ds.local' }],
    contentInfo: images.map(({ name, content, sha256 }) => ({
      uuid: `${sha256.slice(0, 8)}-52c8-4b27-8c55-0d6f6f5f9d10`,
      displayName: name,
      dsIdsList: [DATASTORE_ID],
      URL: `${name}.img`,
      iformat: 'RAW',
      sha256,
      maxSizeBytes: String(content.length),
    })),
  });

/** `NAME=value` of the unit's section [Service]. */
async function serviceSettings(): Promise<[string, string][]> {
  const section = (await readFile(UNIT_SOURCE, 'utf8')).split('[Service]')[1]?.split('\n[')[0] ?? '';
  return [...section.matchAll(/^(\w+)=(.*)$/gm)].map(([, name = '', value = '']) => [name, value]);
}

describeWith(['root', 'docker', 'debian-archive', 'dpkg-deb'], 'the Debian packages under systemd', () => {
  let client: ContainerRuntimeClient;
  let folder: string;
  let built: Built;
  let host: DebianHost;
  const docker = () => client.container.dockerode;

  async function removeAll(): Promise<void> {
    for (const { Id } of await docker().listContainers({ all: true, filters: { label: [LABEL] } })) {
      await docker().getContainer(Id).remove({ force: true, v: true });
    }
    await runProgram(['docker', 'network', 'rm', NETWORK]);
    await runProgram(['docker', 'image', 'rm', '--force', IMAGE]);
  }

  /** The datastore from its sources, in a container of the same Debian. */
  async function startDatastore(): Promise<void> {
    const root = join(folder, 'root');
    await mkdir(root);
    for (const { name, content } of [SMALL, OTHER, LARGE]) {
      await writeFile(join(root, `${name}.img`), content);
    }
    const program = [process.execPath, `${WORKSPACE}datastore-app/src/main.ts`];
    const container = await docker().createContainer({
      Image: IMAGE,
      Cmd: [...program, 'serve', '--root', '/images', '--state', '/state', '--host-name', 'ds'],
      Labels: Object.fromEntries([LABEL.split('=')]),
      HostConfig: {
        NetworkMode: NETWORK,
        Binds: [
          `${WORKSPACE}:${WORKSPACE}:ro`,
          `${process.execPath}:${process.execPath}:ro`,
          `${root}:/images`,
        ],
      },
      NetworkingConfig: {
        EndpointsConfig: { [NETWORK]: { IPAMConfig: { IPv4Address: DATASTORE_ADDRESS } } },
      },
    });
    await container.start();
    const isReady = () =>
      fetch(`http://${DATASTORE_ADDRESS}/-/readyz`).then(
        ({ ok }) => ok,
        () => false,
      );
    while (!(await isReady())) {
      if (!(await container.inspect()).State.Running) {
        throw new Error(`${await container.logs({ stdout: true, stderr: true })}`);
      }
      await wait(50);
    }
  }

  beforeAll(async () => {
    process.env.TESTCONTAINERS_RYUK_DISABLED = 'true';
    client = await getContainerRuntimeClient();
    await removeAll();
    folder = await mkdtemp(join(tmpdir(), 'systemd-'));
    [built] = await Promise.all([buildPackaging('package', ARCHITECTURE), makeDebianImage(IMAGE)]);
    // Not internal: on such a bridge Docker drops what containers send to each other's groups. Nothing leaves
    // it all the same, as nothing takes the bridge's addresses for its own.
    await docker().createNetwork({
      Name: NETWORK,
      Options: {
        'com.docker.network.bridge.name': BRIDGE,
        'com.docker.network.bridge.enable_ip_masquerade': 'false',
      },
      IPAM: { Config: [{ Subnet: SUBNET }] },
    });
    await startDatastore();
    host = await bootDebianHost(client, { image: IMAGE, network: NETWORK, label: LABEL });
  }, PREPARE_LIMIT_MS);

  afterAll(async () => {
    await removeAll();
    await built?.remove();
    await rm(folder, { recursive: true, force: true });
  });

  /** As an administrator does who lets nobody else read what is new. */
  const write = (path: string, text: string) =>
    host.mustRun('sh', '-c', 'umask 027; printf %s "$1" >"$2.new" && mv "$2.new" "$2"', 'sh', text, path);
  /** Owner, group, mode. */
  const accessOf = (path: string) => host.mustRun('stat', '--format', '%U %G %a', path);
  const stateOf = (...properties: string[]) => host.show(UNIT, 'ActiveState', ...properties);
  const pidOf = async () => (await stateOf('MainPID')).MainPID ?? '';
  const sha256Of = async ({ name }: Image) =>
    (await host.mustRun('sha256sum', `${STATE}/images/${name}`)).split(' ')[0];
  const partialBytes = async () =>
    Number((await host.run('stat', '--format', '%s', `${STATE}/pending/.${LARGE.sha256}.partial`)).stdout);
  const statusAs = (user: string) => host.run('runuser', '-u', user, '--', 'eve-agent', 'status');
  const expectVerified = ({ name }: Image) =>
    expect
      .poll(async () => (await host.run('eve-agent', 'status')).stdout)
      .toMatch(new RegExp(`^${name} +VERIFIED +100 %`, 'm'));
  /** The lines of the agent's log with a message, out of the journal. */
  async function journal(message: string): Promise<Record<string, unknown>[]> {
    const text = await host.mustRun('journalctl', '--unit', UNIT, '--output', 'cat', '--no-pager');
    return text
      .split('\n')
      .filter((line) => line.includes(`"msg":"${message}"`))
      .map((line) => JSON.parse(line));
  }

  test('is installed by dpkg, with its user and folders, and starts nothing', async () => {
    await host.copy(built.package('eve-agent'), '/root/eve-agent.deb');
    await host.mustRun('dpkg', '--install', '/root/eve-agent.deb');
    expect(await host.mustRun('getent', 'passwd', 'eve-agent')).toMatch(
      /:\/var\/lib\/eve-agent:\/usr\/sbin\/nologin$/,
    );
    expect(await accessOf('/etc/eve-agent/device.d')).toBe('root eve-agent-config 2750');
    expect(await stateOf('UnitFileState')).toEqual({ ActiveState: 'inactive', UnitFileState: 'disabled' });
  });

  test('starts with an empty folder of configurations, and makes its state directory', async () => {
    await host.mustRun('systemctl', 'enable', '--now', UNIT);
    expect(await stateOf('SubState', 'UnitFileState')).toEqual({
      ActiveState: 'active',
      SubState: 'running',
      UnitFileState: 'enabled',
    });
    await expect.poll(() => journal('running')).toHaveLength(1);
    expect(await accessOf(STATE)).toBe('eve-agent eve-agent 750');
    expect(await accessOf(`${STATE}/agent.sock`)).toBe('eve-agent eve-agent 660');
    // What parses the network has no right, with nothing set for it.
    await expect
      .poll(async () => (await host.run('eve-agent', 'status')).stdout)
      .toMatch(
        /^No configuration is in force\.\nProcess net \(pid \d+\) runs: no capabilities, no new privileges, filter of system calls/,
      );
  });

  test('has every hardening of the unit in force, and the unit is the one of the sources', async () => {
    const { FragmentPath = '', DropInPaths } = await stateOf('FragmentPath', 'DropInPaths');
    expect(await host.mustRun('cat', FragmentPath)).toBe((await readFile(UNIT_SOURCE, 'utf8')).trimEnd());
    expect(DropInPaths).toBe('');
    const settings = (await serviceSettings()).filter(([, value]) =>
      /^(yes|no|strict|closed|invisible)$/.test(value),
    );
    expect(settings).toEqual(
      expect.arrayContaining([
        ['NoNewPrivileges', 'yes'],
        ['ProtectSystem', 'strict'],
      ]),
    );
    expect(settings.length).toBeGreaterThan(15);
    expect(await host.show(UNIT, ...settings.map(([name]) => name))).toEqual(Object.fromEntries(settings));
    const { SystemCallFilter, ...others } = await host.show(
      UNIT,
      ...['CapabilityBoundingSet', 'AmbientCapabilities', 'RestrictAddressFamilies', 'SystemCallFilter'],
    );
    expect(others).toEqual({
      CapabilityBoundingSet: '',
      AmbientCapabilities: '',
      RestrictAddressFamilies: 'AF_INET AF_INET6 AF_NETLINK AF_UNIX',
    });
    const allowed = SystemCallFilter?.split(' ') ?? [];
    expect(allowed).toContain('read');
    for (const refused of ['mount', 'setuid', 'setpriority', 'ptrace', 'bpf']) {
      expect(allowed).not.toContain(refused);
    }
  });

  test('runs as the kernel sees it without rights, on a file system that it cannot change', async () => {
    const pid = await pidOf();
    const uid = await host.mustRun('id', '--user', 'eve-agent');
    const status = await host.mustRun('cat', `/proc/${pid}/status`);
    const field = (name: string) => new RegExp(`^${name}:[ \\t]*(.*)$`, 'm').exec(status)?.[1];
    expect(field('Uid')).toBe([uid, uid, uid, uid].join('\t'));
    expect(['NoNewPrivs', 'Seccomp'].map(field)).toEqual(['1', '2']);
    for (const set of ['CapEff', 'CapPrm', 'CapBnd', 'CapAmb']) expect(field(set)).toMatch(/^0+$/);
    expect(await host.mustRun('cat', `/proc/${pid}/cgroup`)).toMatch(
      /^0::\/system\.slice\/eve-agent\.service$/m,
    );

    const places = ['/', '/usr', '/etc', '/var', '/var/lib', '/sys/fs/cgroup', '/proc/sys/kernel'];
    const mayWrite = 'for place; do test ! -w "$place" || echo "$place"; done';
    const inside = (...command: string[]) => host.mustRun('nsenter', '--mount', '--target', pid, ...command);
    expect(await inside('sh', '-c', mayWrite, 'sh', ...places, STATE, '/tmp')).toBe(`${STATE}\n/tmp`);
    expect(await inside('ls', '/home', '/root')).not.toContain('eve-agent.deb');
    // Of the processes it sees its own.
    const gid = await host.mustRun('id', '--group', 'eve-agent');
    const asAgent = ['setpriv', '--reuid', uid, '--regid', gid, '--clear-groups'];
    expect(await inside(...asAgent, 'ls', '/proc')).not.toMatch(/^1$/m);
  });

  test('keeps over a restart what was put through its API while the folder is empty', async () => {
    const put = ['--request', 'PUT', '--data-binary', deviceConfig(SMALL), 'http://agent/v1/configuration'];
    await host.mustRun('curl', '--silent', '--fail', '--unix-socket', `${STATE}/agent.sock`, ...put);
    await expectVerified(SMALL);
    expect(await sha256Of(SMALL)).toBe(SMALL.sha256);
    const [found] = await journal('verified');
    expect(found).toMatchObject({ receivedBytes: SMALL.content.length });

    await host.mustRun('systemctl', 'restart', UNIT);
    await expectVerified(SMALL);
    expect(await journal('verified')).toHaveLength(1);
  });

  test('brings a configuration in its folder to VERIFIED, from a datastore found by mDNS', async () => {
    await write(FRAGMENT, deviceConfig(OTHER));
    await expectVerified(OTHER);
    expect(await sha256Of(OTHER)).toBe(OTHER.sha256);
    expect((await journal('asking the datastore')).at(-1)).toMatchObject({
      url: 'http://ds.local/other.img',
      address: DATASTORE_ADDRESS,
      bridge: 'bn1',
    });
    expect(await accessOf(`${STATE}/images/other`)).toBe('eve-agent eve-agent 444');
    // The file beats what was put before.
    const { stdout } = await host.run('eve-agent', 'status');
    expect(stdout).toMatch(/^Configuration from \/etc\/eve-agent\/device\.d, /);
    expect(stdout).not.toMatch(/^small /m);
  });

  test('shows its status and its images to those in the group, and to nobody else', async () => {
    for (const user of ['member', 'stranger']) await host.mustRun('useradd', user);
    await host.mustRun('usermod', '--append', '--groups', 'eve-agent', 'member');
    expect(await statusAs('member')).toMatchObject({
      exitCode: 0,
      stdout: expect.stringMatching(/^other +VERIFIED/m),
    });
    const mayRead = async (user: string, path: string) =>
      (await host.run('runuser', '-u', user, '--', 'head', '--bytes=1', path)).exitCode === 0;
    expect(await mayRead('member', `${STATE}/images/other`)).toBe(true);
    expect(await mayRead('stranger', `${STATE}/images/other`)).toBe(false);
    // Credentials are in both.
    expect(await accessOf(FRAGMENT)).toBe('root eve-agent-config 640');
    expect(await accessOf(`${STATE}/device-config.json`)).toBe('eve-agent eve-agent 600');
    for (const path of [FRAGMENT, `${STATE}/device-config.json`]) {
      expect(await mayRead('member', path)).toBe(false);
    }
    const refused = await statusAs('stranger');
    expect(refused.exitCode).not.toBe(0);
    expect(refused.stderr).toContain(`${STATE}/agent.sock`);
  });

  test('goes on where it was after a restart, and is started again after kill -9', async () => {
    await write(ENVIRONMENT_FILE, `EVE_AGENT_RATE_LIMIT=${RATE_LIMIT}\n`);
    await host.mustRun('systemctl', 'restart', UNIT);
    await write(FRAGMENT, deviceConfig(OTHER, LARGE));
    await expect.poll(partialBytes).toBeGreaterThan(1_000_000);
    await host.mustRun('systemctl', 'restart', UNIT);
    // What was stored may be a good part of it already: that the new process goes on is said by the log alone.
    const wentOn = async () => {
      const storedBytes = Number((await journal('download stopped')).at(-1)?.storedBytes);
      return storedBytes > 1_000_000 && (await journal('receiving')).at(-1)?.fromBytes === storedBytes;
    };
    await expect.poll(wentOn).toBe(true);
    await expect.poll(partialBytes).toBeGreaterThan(4_000_000);

    const before = await pidOf();
    await host.mustRun('sh', '-c', 'kill -9 "$1"', 'sh', before);
    await expect.poll(() => stateOf('Result')).toEqual({ ActiveState: 'activating', Result: 'signal' });
    const storedBytes = await partialBytes();
    expect(storedBytes).toBeGreaterThan(4_000_000);
    await expect.poll(() => stateOf('NRestarts')).toEqual({ ActiveState: 'active', NRestarts: '1' });
    expect(await pidOf()).not.toBe(before);
    await expectVerified(LARGE);
    expect(await sha256Of(LARGE)).toBe(LARGE.sha256);
    expect((await journal('verified')).at(-1)).toMatchObject({
      resumedFromBytes: storedBytes,
      receivedBytes: LARGE.content.length - storedBytes,
    });
  });

  test('ends with 0 when it is stopped, and is there again after the next start', async () => {
    await host.mustRun('systemctl', 'stop', UNIT);
    expect(await stateOf('Result', 'ExecMainCode', 'ExecMainStatus')).toEqual({
      ActiveState: 'inactive',
      Result: 'success',
      ExecMainCode: '1', // CLD_EXITED
      ExecMainStatus: '0',
    });
    expect(await journal('stopped')).not.toHaveLength(0);
    await host.mustRun('systemctl', 'start', UNIT);
    await expectVerified(LARGE);
  });

  test('is started again by an upgrade, and by a boot of the machine', async () => {
    const before = await pidOf();
    await host.mustRun('dpkg', '--install', '/root/eve-agent.deb');
    expect(await stateOf()).toEqual({ ActiveState: 'active' });
    expect(await pidOf()).not.toBe(before);
    await host.reboot();
    expect(await stateOf('NRestarts')).toEqual({ ActiveState: 'active', NRestarts: '0' });
    await expectVerified(LARGE);
    expect(await sha256Of(LARGE)).toBe(LARGE.sha256);
  });

  describeDatastoreService(() => ({ host, packageFile: built.package('datastore-app') }));

  describeWith(['machines'], 'with the drop-in for VMs', () => {
    let guests: GuestImages;
    const guestConfig = async () => {
      const [volume, tree, network] = [2, 3, 5].map(uuidOf);
      const user = Buffer.from(`#!/bin/sh\naddress=${GUEST_ADDRESS}/24\n`).toString('base64');
      return JSON.stringify({
        datastores: [{ id: DATASTORE_ID, dType: 'DsHttp', fqdn: 'http://ds.local' }],
        contentInfo: [
          {
            ...{ uuid: tree, dsIdsList: [DATASTORE_ID], URL: 'guest.img', displayName: 'guest' },
            ...{ iformat: 'RAW', sha256: await fileSha256Of(join(folder, 'root', 'guest.img')) },
          },
        ],
        volumes: [{ uuid: volume, origin: { type: 'VCOT_DOWNLOAD', downloadContentTreeID: tree } }],
        networkInstances: [{ uuidandversion: { uuid: network }, localDatastore: { bridge: 'bn1' } }],
        apps: [
          {
            ...{ uuidandversion: { uuid: uuidOf(1) }, displayname: 'guest', activate: true, userData: user },
            fixedresources: { memory: 131_072, vcpus: 1 },
            interfaces: [{ networkId: network, addr: GUEST_ADDRESS }],
            volumeRefList: [{ uuid: volume }],
            localDatastore: { settle: 0, health: { kind: 'http', port: 80, startPeriodSeconds: 600 } },
          },
        ],
      });
    };
    const app = async () => {
      const { stdout } = await host.run('eve-agent', 'app', 'list', '--json');
      return stdout === '' ? {} : (JSON.parse(stdout)[0] ?? {});
    };
    const answer = async () =>
      (await host.run('curl', '--silent', '--max-time', '5', `http://${GUEST_ADDRESS}/`)).stdout;
    const machinePids = async () => {
      const find = 'grep -l ^qemu-system /proc/[0-9]*/comm 2>/dev/null';
      return (await host.run('sh', '-c', find)).stdout
        .split('\n')
        .flatMap((path) => path.split('/')[2] ?? []);
    };
    const restart = async () => {
      await host.mustRun('systemctl', 'daemon-reload');
      await host.mustRun('systemctl', 'restart', UNIT);
    };

    beforeAll(async () => {
      guests = await createGuestImages();
      await copyFile(await guests.build({ word: 'vm' }), join(folder, 'root', 'guest.img'));
    });
    afterAll(() => guests?.remove());

    test('launches one on the bridge, confined', { timeout: GUEST_TEST_MS }, async () => {
      await host.copy(DROP_IN_SOURCE, '/root/vms.conf');
      await host.mustRun('install', '-D', '-m', '644', '/root/vms.conf', DROP_IN);
      await restart();
      await write(FRAGMENT, await guestConfig());
      await expect.poll(app, GUEST_LIMIT).toMatchObject({ State: 'RUNNING', Error: '', Bridge: 'bn1' });
      await expect.poll(answer, GUEST_LIMIT).toBe('vm');
      expect(await accessOf(`${STATE}/agent.sock`)).toBe('root eve-agent 660');
      // As root the agent can give a user of its own to what parses the network.
      expect((await host.run('eve-agent', 'status')).stdout).toMatch(/^Process net .*, own user/m);
      const [pid = ''] = await machinePids();
      const status = await host.mustRun('cat', `/proc/${pid}/status`);
      expect(status).toMatch(/^Uid:\t(19\d{8})\t\1\t\1\t\1$/m);
      for (const set of ['CapEff', 'CapPrm', 'CapBnd', 'CapAmb']) {
        expect(status).toMatch(new RegExp(`^${set}:\t0+$`, 'm'));
      }
      // Of the rest of the unit nothing is taken back.
      expect(await host.show(UNIT, 'NoNewPrivileges', 'ProtectSystem', 'ProtectHome')).toEqual({
        ...{ NoNewPrivileges: 'yes', ProtectSystem: 'strict', ProtectHome: 'yes' },
      });
      const { SystemCallFilter = '' } = await host.show(UNIT, 'SystemCallFilter');
      const allowed = SystemCallFilter.split(' ');
      expect(allowed).toContain('setuid');
      for (const refused of ['mount', 'ptrace', 'bpf']) expect(allowed).not.toContain(refused);
    });

    test('leaves it alone while the service is stopped, and takes it up', async () => {
      const before = await machinePids();
      const { BootTime } = await app();
      await host.mustRun('systemctl', 'stop', UNIT);
      await expect.poll(answer, GUEST_LIMIT).toBe('vm');
      await host.mustRun('systemctl', 'start', UNIT);
      await expect.poll(app, GUEST_LIMIT).toMatchObject({ State: 'RUNNING', Error: '', BootTime });
      expect(await machinePids()).toEqual(before);
    });

    test('is the service of before without it', async () => {
      await write(FRAGMENT, deviceConfig(OTHER, LARGE));
      await expect.poll(machinePids, GUEST_LIMIT).toEqual([]);
      await host.mustRun('rm', '-r', DROP_IN);
      await restart();
      await expectVerified(LARGE);
      expect(await accessOf(`${STATE}/agent.sock`)).toBe('eve-agent eve-agent 660');
    });
  });

  test('is removed while it runs; configuration and images stay, and an installation goes on with them', async () => {
    const pid = await pidOf();
    await host.mustRun('dpkg', '--remove', 'eve-agent');
    expect(await host.show(UNIT, 'LoadState', 'ActiveState')).toEqual({
      LoadState: 'not-found',
      ActiveState: 'inactive',
    });
    expect(await host.run('test', '-e', `/proc/${pid}`)).toMatchObject({ exitCode: 1 });
    expect(await host.mustRun('cat', FRAGMENT)).toBe(deviceConfig(OTHER, LARGE));
    expect(await sha256Of(LARGE)).toBe(LARGE.sha256);

    await host.mustRun('dpkg', '--install', '/root/eve-agent.deb');
    expect(await stateOf('UnitFileState')).toEqual({ ActiveState: 'inactive', UnitFileState: 'enabled' });
    await host.mustRun('systemctl', 'start', UNIT);
    await expectVerified(LARGE);
  });

  test('leaves nothing but its user after a purge', async () => {
    await host.mustRun('dpkg', '--purge', 'eve-agent');
    const left = await host.mustRun('find', '/etc', '/usr', '/var/lib', '-name', '*eve-agent*');
    expect(left).toBe('');
    expect(await host.mustRun('getent', 'passwd', 'eve-agent')).toContain('eve-agent');
    expect(await host.mustRun('systemctl', 'is-system-running')).toBe('running');
    expect(await host.stop()).toBe(0);
  });
});
