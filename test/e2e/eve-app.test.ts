// SPDX-License-Identifier: Apache-2.0
/** The image as EVE runs it, and as plain Docker does: whose volumes, which user, what survives. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chown, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { type ContainerRuntimeClient, getContainerRuntimeClient } from 'testcontainers';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { EDGE_APP, fillTemplate } from '../eve/edge-app.ts';
import { parseUserData } from '../eve/user-data.ts';
import { eveAgent, waitForLog } from '../lab/programs.ts';
import { mustRunProgram, runProgram, WORKSPACE } from '../lab/run-program.ts';
import { describeWith } from '../requirements.ts';
import { type BlankVolume, makeBlankVolume } from './blank-volume.ts';
import { makeBundlesAndBase } from './built-once.ts';

const NETWORK = 'local-datastore-eve';
const BRIDGE = 'bn81';
const BASE_IMAGE = 'local-datastore/node-base:eve-e2e';
const IMAGE = 'local-datastore/datastore-app:eve-e2e';
const LABEL = 'local-datastore-test=eve-app';
const ADDRESS = '10.73.1.10';
const OTHER_ADDRESS = '10.73.1.77';
const IMAGES = '/var/lib/datastore/images';
const STATE = '/var/lib/datastore/state';
/** EVE's name for the host, where it sets one at all. */
const APP_UUID = 'f6d348cc-9c31-4f8b-8c4f-a4aae4590b97';
const CONTENT = randomBytes(3_000_000);
const SHA256 = createHash('sha256').update(CONTENT).digest('hex');

/** What the init of EVE's VM for containers does (pkg/xen-tools/initrd), as far as a program notices. */
const EVE_INIT = `
ip link set dev lo up
mount -t proc proc rootfs/proc
mount -t tmpfs -o nodev,nosuid,size=20% tmp rootfs/tmp
mount --bind images rootfs${IMAGES}
mount --bind state rootfs${STATE}
. ./environment
cmd=$(cat ./cmdline)
ug=$(cat ./ug)
eval exec chroot --userspec="\${ug%% *}:\${ug##* }" ./rootfs $cmd
`;

interface RunOptions {
  readonly user?: string;
  readonly address?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly isReadOnly?: boolean;
  readonly capabilities?: 'default' | 'none';
  /** As on a real machine, where Docker lets nobody but root have port 80. */
  readonly arePortsReserved?: boolean;
  readonly binds: readonly string[];
}

describeWith(['root', 'docker'], 'datastore-app as an EVE app', () => {
  let client: ContainerRuntimeClient;
  let folder: string;
  let vm: ChildProcess | undefined;
  let volumes: { readonly images: BlankVolume; readonly state: BlankVolume };
  const docker = () => client.container.dockerode;

  async function removeContainers(): Promise<void> {
    for (const { Id } of await docker().listContainers({ all: true, filters: { label: [LABEL] } })) {
      await docker().getContainer(Id).remove({ force: true, v: true });
    }
  }

  beforeAll(async () => {
    client = await getContainerRuntimeClient();
    await removeContainers();
    await runProgram(['docker', 'network', 'rm', NETWORK]);
    await makeBundlesAndBase(BASE_IMAGE);
    const target = ['--target', 'datastore-app', '--build-arg', `BASE=${BASE_IMAGE}`, '-t', IMAGE];
    await mustRunProgram(['docker', 'build', '-f', 'compose/Dockerfile', ...target, '.']);
    // Internal, hence without a route out, as the bridge of a device without an uplink.
    await docker().createNetwork({
      Name: NETWORK,
      Internal: true,
      Options: { 'com.docker.network.bridge.name': BRIDGE },
      IPAM: { Config: [{ Subnet: '10.73.1.0/24' }] },
    });
  });

  afterAll(async () => {
    await removeContainers();
    await runProgram(['docker', 'network', 'rm', NETWORK]);
    await runProgram(['docker', 'image', 'rm', '--force', IMAGE, BASE_IMAGE]);
  });

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'eve-app-'));
    volumes = {
      images: await makeBlankVolume(folder, 'images'),
      state: await makeBlankVolume(folder, 'state'),
    };
  });

  afterEach(async () => {
    if (vm?.exitCode === null) {
      vm.kill('SIGKILL');
      await once(vm, 'exit');
    }
    vm = undefined;
    await removeContainers();
    for (const volume of Object.values(volumes)) await volume.remove();
    await rm(folder, { recursive: true });
  });

  const onVolumes = () => [`${volumes.images.directory}:${IMAGES}`, `${volumes.state.directory}:${STATE}`];

  async function create(options: RunOptions, network = NETWORK) {
    const {
      environment = {},
      isReadOnly = false,
      capabilities = 'default',
      arePortsReserved = true,
    } = options;
    return docker().createContainer({
      Image: IMAGE,
      Hostname: APP_UUID,
      Labels: Object.fromEntries([LABEL.split('=')]),
      Env: Object.entries(environment).map(([name, value]) => `${name}=${value}`),
      ...(options.user !== undefined && { User: options.user }),
      HostConfig: {
        NetworkMode: network,
        Binds: [...options.binds],
        Tmpfs: { '/tmp': 'size=20m' },
        ReadonlyRootfs: isReadOnly,
        // In a VM of its own root has more than Docker's root.
        ...(capabilities === 'none' && { CapDrop: ['ALL'] }),
        ...(arePortsReserved && { Sysctls: { 'net.ipv4.ip_unprivileged_port_start': '1024' } }),
      },
      ...(network === NETWORK && {
        NetworkingConfig: {
          EndpointsConfig: { [NETWORK]: { IPAMConfig: { IPv4Address: options.address ?? ADDRESS } } },
        },
      }),
    });
  }
  type Container = Awaited<ReturnType<typeof create>>;

  async function logOf(container: Container): Promise<string> {
    return (await container.logs({ stdout: true, stderr: true })).toString('utf8');
  }

  /** Until it has seen its own answer on the bridge. */
  async function waitUntilReady(container: Container, address: string): Promise<void> {
    const isReady = () =>
      fetch(`http://${address}/-/readyz`).then(
        ({ ok }) => ok,
        () => false,
      );
    while (!(await isReady())) {
      if (!(await container.inspect()).State.Running) throw new Error(await logOf(container));
      await wait(50);
    }
  }

  async function start(options: RunOptions): Promise<Container> {
    const container = await create(options);
    await container.start();
    await waitUntilReady(container, options.address ?? ADDRESS);
    return container;
  }

  async function endOf(options: RunOptions) {
    const container = await create(options);
    await container.start();
    const { StatusCode: exitCode } = await container.wait();
    return { exitCode, log: await logOf(container) };
  }

  async function identityOf(what: Container | number) {
    const pid = typeof what === 'number' ? what : (await what.inspect()).State.Pid;
    const status = await readFile(`/proc/${pid}/status`, 'utf8');
    const field = (name: string) => new RegExp(`^${name}:[ \\t]*(.*)$`, 'm').exec(status)?.[1]?.trim();
    return { uids: field('Uid'), gids: field('Gid'), groups: field('Groups'), capabilities: field('CapPrm') };
  }
  const UNPRIVILEGED = {
    uids: '1000\t1000\t1000\t1000',
    gids: '1000\t1000\t1000\t1000',
    groups: '',
    capabilities: '0000000000000000',
  };

  async function upload(token: string, address = ADDRESS): Promise<number> {
    const headers = { authorization: `Bearer ${token}` };
    const answer = await fetch(`http://${address}/vm/disk.raw`, { method: 'PUT', headers, body: CONTENT });
    return answer.status;
  }

  const getJson = async (path: string, address = ADDRESS) => (await fetch(`http://${address}${path}`)).json();

  const tokenOf = async () => (await readFile(join(volumes.state.directory, 'write-token'), 'utf8')).trim();

  /** As EVE's downloader would, from the host that owns the bridge. */
  async function download() {
    const target = join(folder, 'downloaded');
    await rm(target, { force: true });
    const args = ['download', 'http://ds.local/vm/disk.raw', '--bridge', BRIDGE, '-o', target, '--json'];
    const { resolvedUrl, sha256 } = JSON.parse(await mustRunProgram(eveAgent(...args, '--sha256', SHA256)));
    return { resolvedUrl, sha256 };
  }

  describe('as EVE runs it', () => {
    const environment = { DATASTORE_HOST_NAME: 'ds' };
    /** Root, with a VM of its own, and volumes that are root's. */
    const inItsVm = () => ({ environment, binds: onVolumes() });

    test('the first start on empty volumes ends as a user without rights that serves and takes images', async () => {
      const app = EDGE_APP.parse(
        JSON.parse(await readFile(join(WORKSPACE, 'compose/eve/edge-app.json'), 'utf8')),
      );
      const token = randomBytes(24).toString('hex');
      const userData = parseUserData(fillTemplate(app, { DATASTORE_WRITE_TOKEN: token }));
      const container = await start({ environment: userData.environment, binds: onVolumes() });
      expect(await identityOf(container)).toEqual(UNPRIVILEGED);
      expect(await upload(token)).toBe(201);
      expect(await download()).toEqual({ resolvedUrl: `http://${ADDRESS}/vm/disk.raw`, sha256: SHA256 });

      for (const path of ['', 'vm', 'vm/disk.raw']) {
        expect(await stat(join(volumes.images.directory, path)), path).toMatchObject({
          uid: 1000,
          gid: 1000,
        });
      }
      for (const { directory } of Object.values(volumes)) {
        expect(await stat(join(directory, 'lost+found'))).toMatchObject({ uid: 0, gid: 0 });
      }
      // Not the UUID that is the machine's name.
      expect(await getJson('/-/api/v1/status')).toMatchObject({ hostName: 'ds.local' });
      expect(await logOf(container)).not.toContain(token);
    });

    test('what powers the VM off is an end with 0, after a goodbye', async () => {
      const container = await start(inItsVm());
      await container.stop();
      expect((await container.inspect()).State.ExitCode).toBe(0);
    });

    test('after a reboot with another address, images, digests and token are the same, and found', async () => {
      const before = await start(inItsVm());
      const token = await tokenOf();
      expect(await stat(join(volumes.state.directory, 'write-token'))).toMatchObject({ uid: 1000 });
      expect(await upload(token)).toBe(201);
      await before.remove({ force: true });

      await start({ ...inItsVm(), address: OTHER_ADDRESS });
      expect(await getJson('/-/api/v1/images', OTHER_ADDRESS)).toMatchObject({
        images: [{ path: 'vm/disk.raw', sha256: SHA256, state: 'ready' }],
      });
      expect(await tokenOf()).toBe(token);
      expect(await download()).toMatchObject({ resolvedUrl: `http://${OTHER_ADDRESS}/vm/disk.raw` });
      expect(await upload(token, OTHER_ADDRESS)).toBe(200);
    });

    test('after a purge it is a new datastore: no images, and another token', async () => {
      const before = await start(inItsVm());
      const token = await tokenOf();
      expect(await upload(token)).toBe(201);
      await before.remove({ force: true });
      for (const volume of Object.values(volumes)) await volume.purge();

      const after = await start(inItsVm());
      expect(await getJson('/-/api/v1/images')).toEqual({ images: [] });
      expect(await upload(token)).toBe(401);
      // The command of the page, as root in the VM, without the image's environment.
      const { output } = await client.container.exec(after, [
        ...['/usr/local/bin/node', '/opt/datastore-app/main.js', 'token'],
      ]);
      expect(output.trim()).toBe(await tokenOf());
      expect(output.trim()).not.toBe(token);
      expect(await upload(output.trim())).toBe(201);
    });

    test('what root asks for in the container is still of the user that serves', async () => {
      const container = await start(inItsVm());
      expect(await upload(await tokenOf())).toBe(201);
      for (const command of [
        ['ca', '--create'],
        ['images', 'verify'],
      ]) {
        const { exitCode } = await client.container.exec(container, [
          ...['/usr/local/bin/node', '/opt/datastore-app/main.js', ...command],
        ]);
        expect(exitCode).toBe(0);
      }
      for (const path of ['tls/ca-key.pem', 'verifications']) {
        expect(await stat(join(volumes.state.directory, path)), path).toMatchObject({ uid: 1000 });
      }
    });

    test("starts by the files that EVE writes, as EVE's init reads them", async () => {
      const rootfs = join(folder, 'rootfs');
      await mkdir(rootfs);
      const { Config } = await docker().getImage(IMAGE).inspect();
      const container = await create({ binds: [] });
      await mustRunProgram(['sh', '-c', 'docker export "$0" | tar -x -C "$1"', container.id, rootfs]);
      const userData = parseUserData('DATASTORE_HOST_NAME=ds\nDATASTORE_ADVERTISE=none\n');
      const variables = [
        `WORKDIR=${Config.WorkingDir}`,
        ...(Config.Env ?? []),
        ...Object.entries(userData.environment).map(([name, value]) => `${name}=${value}`),
      ];
      // AddLoader of pkg/pillar/containerd: every value and every argument between double quotes.
      const exports = variables.map((line) => `export ${line.replace('=', '="')}"\n`).join('');
      const command = [...(Config.Entrypoint ?? []), ...(Config.Cmd ?? [])].map((text) => `"${text}"`);
      await writeFile(join(folder, 'environment'), exports);
      await writeFile(join(folder, 'cmdline'), command.join(' '));
      await writeFile(join(folder, 'ug'), (Config.User || '0:0').replace(':', ' '));
      await writeFile(join(folder, 'init'), EVE_INIT);

      vm = spawn('unshare', ['--net', '--mount', '--pid', '--fork', '--kill-child', 'sh', 'init'], {
        cwd: folder,
        env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      const { log, seen } = waitForLog(vm, '"listening"');
      await seen;
      const inVm = ['nsenter', `--net=/proc/${vm.pid}/ns/net`];
      const api = 'http://127.0.0.1/-/api/v1';
      expect(JSON.parse(await mustRunProgram([...inVm, 'curl', '-sS', `${api}/images`]))).toEqual({
        images: [],
      });
      const reserved = '/proc/sys/net/ipv4/ip_unprivileged_port_start';
      expect(await mustRunProgram([...inVm, 'cat', reserved])).toBe('1024\n');
      // The program is the first of its process namespace, as it is there.
      const app = Number(await readFile(`/proc/${vm.pid}/task/${vm.pid}/children`, 'utf8'));
      expect(await identityOf(app)).toEqual(UNPRIVILEGED);
      expect(await stat(join(volumes.state.directory, 'write-token'))).toMatchObject({ uid: 1000 });
      expect(log()).toContain(`"root":"${IMAGES}"`);
      process.kill(app, 'SIGTERM');
      expect(await once(vm, 'exit')).toEqual([0, null]);
    });

    test('an address that comes late is waited for', async () => {
      const container = await create(inItsVm(), 'none');
      await container.start();
      while (!(await logOf(container)).includes('"listening"')) await wait(50);
      await docker().getNetwork('none').disconnect({ Container: container.id });
      await docker()
        .getNetwork(NETWORK)
        .connect({ Container: container.id, EndpointConfig: { IPAMConfig: { IPv4Address: ADDRESS } } });
      await waitUntilReady(container, ADDRESS);
      expect(await upload(await tokenOf())).toBe(201);
      expect(await download()).toMatchObject({ sha256: SHA256 });
    });

    test('volumes of a datastore that ran as root are taken over', async () => {
      const asRoot = await start({
        environment: { ...environment, DATASTORE_USER: '0' },
        binds: onVolumes(),
      });
      expect((await identityOf(asRoot)).uids).toBe('0\t0\t0\t0');
      const token = await tokenOf();
      expect(await upload(token)).toBe(201);
      expect(await stat(join(volumes.images.directory, 'vm'))).toMatchObject({ uid: 0 });
      await asRoot.remove({ force: true });

      const container = await start(inItsVm());
      expect(await identityOf(container)).toEqual(UNPRIVILEGED);
      expect(await upload(token)).toBe(200);
    });

    test('a read-only root file system changes nothing', async () => {
      await start({ ...inItsVm(), isReadOnly: true });
      expect(await upload(await tokenOf())).toBe(201);
    });

    test('an image volume that is read-only is served, and the log says that nothing can be added', async () => {
      const [images = '', state = ''] = onVolumes();
      const container = await start({ environment, binds: [`${images}:ro`, state] });
      expect(await logOf(container)).toContain(`--root ${IMAGES} is mounted read-only`);
    });
  });

  describe('as plain Docker runs it', () => {
    const environment = { DATASTORE_HOST_NAME: 'ds' };

    test('as a user, read-only, without capabilities, on volumes of its own', async () => {
      for (const { directory } of Object.values(volumes)) await chown(directory, 1000, 1000);
      const container = await start({
        environment,
        user: '1000:1000',
        isReadOnly: true,
        capabilities: 'none',
        arePortsReserved: false,
        binds: onVolumes(),
      });
      expect(await identityOf(container)).toMatchObject({ uids: UNPRIVILEGED.uids });
      expect(await upload(await tokenOf())).toBe(201);
      expect(await readdir(volumes.images.directory)).toContain('vm');
    });

    test('as root, on new volumes of Docker', async () => {
      const container = await start({ environment, user: '0:0', arePortsReserved: false, binds: [] });
      expect(await identityOf(container)).toEqual(UNPRIVILEGED);
      expect((await fetch(`http://${ADDRESS}/-/api/v1/images`)).status).toBe(200);
    });

    test("as a user on root's volumes it ends, naming the volume and the way out", async () => {
      const { exitCode, log } = await endOf({
        environment,
        user: '1000:1000',
        arePortsReserved: false,
        binds: onVolumes(),
      });
      expect(exitCode).toBe(2);
      expect(log).toContain(`--state ${STATE} cannot be written: the volume belongs to user 0 (mode 0755)`);
      expect(log).toContain('Start the program as root with --user UID:GID');
    });

    test('as a user where only root has port 80 it ends, naming the port and the way out', async () => {
      await mkdir(join(folder, 'own'));
      await chown(join(folder, 'own'), 1000, 1000);
      const { exitCode, log } = await endOf({
        environment,
        user: '1000:1000',
        capabilities: 'none',
        binds: [`${join(folder, 'own')}:${STATE}`],
      });
      expect(exitCode).toBe(2);
      expect(log).toContain('port 80 cannot be used: a port below 1024 needs root');
    });

    test('as root without the rights to become a user it ends, telling how to start it', async () => {
      const { exitCode, log } = await endOf({
        environment,
        capabilities: 'none',
        arePortsReserved: false,
        binds: onVolumes(),
      });
      expect(exitCode).toBe(2);
      expect(log).toContain('may not become the user 1000:1000');
      expect(log).toContain('"docker run --user 1000:1000"');
    });

    test('as root without capabilities it stays root where it is told to', async () => {
      const container = await start({
        environment: { ...environment, DATASTORE_USER: '0' },
        capabilities: 'none',
        arePortsReserved: false,
        binds: onVolumes(),
      });
      expect(await identityOf(container)).toMatchObject({ uids: '0\t0\t0\t0' });
      expect(await upload(await tokenOf())).toBe(201);
    });
  });
});
