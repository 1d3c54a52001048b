/**
 * From the datastore to a running virtual machine: disks that our datastore has, a device configuration, and the host's
 * qemu on the bridge. No engine of containers is there. A guest takes half a minute to boot where it is emulated: what
 * is tried here is what only it can show.
 */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AppInstanceStatus } from '@local-datastore/shared/eve/app-instance-status';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type App, createLab, type Lab } from '../lab/lab.ts';
import { createGuestImages, GUEST_ADDRESS, type GuestImages, sha256Of } from '../lab/machines/guest-image.ts';
import { eveAgent, type RunningDatastore, startDatastore, waitForLog } from '../lab/programs.ts';
import { describeWith } from '../requirements.ts';

const uuid = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
const APP = uuid(1);
/** Emulated, beside other load. */
const BOOT_LIMIT = { timeout: 240_000, interval: 500 };
const quoted = (words: readonly string[]) => words.map((word) => `'${word}'`).join(' ');

describeWith(['lab', 'root', 'machines', 'curl', 'script'], 'applications that are VMs', () => {
  let folder: string;
  let lab: Lab;
  let neighbour: App;
  let images: GuestImages;
  let datastore: RunningDatastore;
  let agent: ChildProcess | undefined;
  const digests = new Map<string, string>();
  const at = (...names: readonly string[]) => join(folder, ...names);

  async function startAgent() {
    const places = ['--state', at('state'), '--config', at('config.json')];
    const child = lab.host.start(
      eveAgent('run', ...places, '--apps', '--engine', at('no-engine.sock'), '--reserve', '0'),
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
  /** @param file what it is started from @param more of the app */
  async function configure(file: string, more: object = {}) {
    const document = {
      datastores: [{ id: uuid(9), dType: 'DsHttp', fqdn: 'http://ds.local' }],
      contentInfo: [
        {
          ...{ uuid: uuid(3), dsIdsList: [uuid(9)], URL: file, displayName: 'guest' },
          ...{ iformat: file.endsWith('.qcow2') ? 'QCOW2' : 'RAW', sha256: digests.get(file) },
        },
      ],
      volumes: [
        { uuid: uuid(2), origin: { type: 'VCOT_DOWNLOAD', downloadContentTreeID: uuid(3) } },
        { uuid: uuid(4), origin: { type: 'VCOT_BLANK' }, maxsizebytes: '1048576' },
      ],
      networkInstances: [
        {
          ...{ uuidandversion: { uuid: uuid(5) }, displayname: 'local', instType: 'ZnetInstLocal' },
          ip: { gateway: '10.1.0.1' },
        },
      ],
      apps: [
        {
          ...{ uuidandversion: { uuid: APP, version: '1' }, displayname: 'guest', activate: true },
          fixedresources: { memory: 131_072, vcpus: 1 },
          interfaces: [{ name: 'eth0', networkId: uuid(5), addr: GUEST_ADDRESS }],
          volumeRefList: [{ uuid: uuid(2) }, { uuid: uuid(4) }],
          localDatastore: {
            settle: '300ms',
            health: { kind: 'http', port: 80, path: '/', startPeriodSeconds: 200 },
          },
          ...more,
        },
      ],
    };
    await writeFile(at('config.json.new'), JSON.stringify(document));
    await rename(at('config.json.new'), at('config.json'));
  }
  const call = (...args: readonly string[]) => lab.host.run(eveAgent('app', ...args, '--state', at('state')));
  async function status(): Promise<Partial<AppInstanceStatus>> {
    const { stdout } = await call('list', '--json');
    const [app = {}] = JSON.parse(stdout || '[]') as AppInstanceStatus[];
    return app;
  }
  const becomes = (expected: object) => expect.poll(status, BOOT_LIMIT).toMatchObject(expected);
  /** What another app on the bridge hears of it. */
  const ask = async (path = '/') =>
    (
      await neighbour.run(['curl', '--silent', '--max-time', '5', `http://${GUEST_ADDRESS}${path}`])
    ).stdout.trim();
  /** Until it answers so: one that is busy with others may take longer than a request. */
  const answers = (word: string) => expect.poll(() => ask(), BOOT_LIMIT).toBe(word);
  /** How often a guest was started with its second disk. */
  async function starts(): Promise<number> {
    await expect.poll(() => ask('/boots'), BOOT_LIMIT).toMatch(/^\d+$/);
    return Number(await ask('/boots'));
  }

  async function serve(name: string, path: string) {
    await copyFile(path, at('root', name));
    digests.set(name, await sha256Of(path));
  }

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'vm-apps-'));
    await mkdir(at('root'));
    images = await createGuestImages();
    lab = await createLab();
    await lab.addBridge('bn1', '10.1.0.1/24');
    const place = await lab.addApp({ name: 'ds', bridge: 'bn1', address: '10.1.0.5/24' });
    neighbour = await lab.addApp({ name: 'other', bridge: 'bn1', address: '10.1.0.77/24' });
    await serve('v1.img', await images.build({ word: 'v1' }));
    await serve('v2.qcow2', await images.buildQcow2({ word: 'v2' }));
    await serve('off.img', await images.build({ word: 'off', mode: 'off' }));
    const args = ['--root', at('root'), '--state', at('store'), '--host-name', 'ds'];
    datastore = await startDatastore(place, args);
  });
  afterAll(async () => {
    await writeFile(at('config.json'), JSON.stringify({ datastores: [], contentInfo: [] }));
    await endAgent('SIGKILL');
    // What still runs has the state of this test in its command line.
    for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
      const words = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
      const ids = await readdir(at('state/machines/machines')).catch(() => []);
      if (ids.some((id) => words.includes(id))) process.kill(Number(pid), 'SIGKILL');
    }
    await datastore?.kill();
    await lab?.stop();
    await images?.remove();
    await rm(folder, { recursive: true, force: true });
  });

  it('is found, verified, launched, and reached by its neighbours on the bridge', async () => {
    await configure('v1.img');
    await startAgent();
    await becomes({ State: 'RUNNING', IPAddress: GUEST_ADDRESS, Bridge: 'bn1', Generation: 1, Error: '' });
    await answers('v1');
    expect(await starts()).toBe(1);
  });

  it('shows its console on a terminal, and what it wrote', async () => {
    const { stdout } = await call('logs', APP);
    expect(stdout).toContain('guest v1 is good');
    const command = eveAgent('app', 'console', APP, '--state', at('state'));
    const stdio: ('pipe' | 'ignore')[] = ['pipe', 'pipe', 'ignore'];
    const terminal = lab.host.start(['script', '-qec', quoted(command), '/dev/null'], { stdio });
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
    const before = await status();
    await endAgent('SIGKILL');
    await answers('v1');
    await startAgent();
    await becomes({ State: 'RUNNING', Generation: 1, BootTime: before.BootTime, Error: '' });
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
  });

  it('is made anew by a purge', async () => {
    const disks = async () => (await readdir(at('state/machines/volumes'))).sort();
    const before = await disks();
    await call('purge', APP);
    await becomes({ State: 'RUNNING', Generation: 3, Error: '' });
    await answers('v2');
    const after = await disks();
    expect(after).toHaveLength(before.length);
    expect(after.filter((name) => !before.includes(name))).toHaveLength(1);
  });

  it('is halted by its button, and gone with its entry', async () => {
    await configure('v2.qcow2', { activate: false });
    await becomes({ State: 'HALTED' });
    expect((await call('logs', APP)).stdout).toContain('guest goes off');
    await writeFile(at('config.json'), JSON.stringify({ datastores: [], contentInfo: [] }));
    const left = async () => [
      ...(await readdir(at('state/machines/machines'))),
      ...(await readdir(at('state/machines/volumes'))),
    ];
    await expect.poll(left, BOOT_LIMIT).toEqual([]);
  });
});
