// SPDX-License-Identifier: Apache-2.0
/** Virtual machines with a real kernel, on the host's qemu, reached over the bridge by a neighbour. */
import { once } from 'node:events';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { ContainerSpec, MachineParts } from '../../eve-agent/src/launch/engine/container-spec.ts';
import type { DiskFormat } from '../../eve-agent/src/launch/machines/machine-engine-contract.ts';
import {
  createGuestImages,
  type GuestImages,
  type GuestWanted,
  sha256Of,
} from '../lab/machines/guest-image.ts';
import {
  createMachineHost,
  type MachineHost,
  machineSpec,
  type RunningMachines,
  runHere,
} from '../lab/machines/machine-host.ts';
import { describeWith } from '../requirements.ts';

const MIB = 1024 * 1024;
const SECTOR = 512;
/** A guest without a processor of its own, on a machine that others use. */
const SLOWLY = { timeout: 600_000, interval: 250 };
const STOPPED = { HostConfig: { RestartPolicy: { Name: 'no' } } } as const;
const KEPT_UP = { HostConfig: { RestartPolicy: { Name: 'unless-stopped' } } } as const;

describeWith(['lab', 'root', 'machines', 'curl', 'setpriv'], 'a virtual machine', () => {
  let guests: GuestImages;
  let host: MachineHost;
  let machines: RunningMachines;
  beforeAll(async () => {
    guests = await createGuestImages();
    host = await createMachineHost();
    machines = await host.start();
  });
  afterAll(async () => {
    await host?.stop();
    await guests?.remove();
  });
  const made: string[] = [];
  afterEach(async () => {
    for (const id of made.splice(0)) await machines.call('remove', id, true);
    expect(await host.processes()).toEqual([]);
    expect(await host.lab.host.mustRun(['ip', '-brief', 'link'])).not.toContain('vm');
  });

  async function addImage(wanted: GuestWanted, format: DiskFormat = 'raw') {
    const path = format === 'qcow2' ? await guests.buildQcow2(wanted) : await guests.build(wanted);
    const tag = `eve_web:${wanted.word}-${wanted.mode ?? 'good'}-${format}`;
    return await machines.addImage({ tag, path, format, sha256: await sha256Of(path) });
  }
  async function make(
    wanted: GuestWanted,
    {
      format = 'raw',
      parts = {},
      spec = {},
    }: { format?: DiskFormat; parts?: MachineParts; spec?: Partial<ContainerSpec> } = {},
  ): Promise<string> {
    const { tag } = await addImage(wanted, format);
    const id = await machines.create(`web_${made.length}`, machineSpec(tag, parts, spec));
    made.push(id);
    return id;
  }
  /** One that starts nothing: its firmware finds no system. */
  async function makeBlank(spec: Partial<ContainerSpec> = {}): Promise<string> {
    const path = join(host.folder, '..', 'blank.raw');
    await writeFile(path, Buffer.alloc(MIB));
    const { tag } = await machines.addImage({
      tag: 'eve_blank:1',
      path,
      format: 'raw',
      sha256: '2'.repeat(64),
    });
    const nowhere = { NetworkingConfig: { EndpointsConfig: { bn1: {} } } };
    const id = await machines.create(
      `blank_${made.length}`,
      machineSpec(tag, {}, { ...nowhere, StopTimeout: 0, ...spec }),
    );
    made.push(id);
    return id;
  }
  const start = (id: string) => machines.call('start', id);
  const answers = (word: string, path = '/', address?: string) =>
    expect.poll(() => host.ask(path, address), SLOWLY).toBe(word);
  const textOf = async (id: string) => (await machines.readLogs(id)).map(({ text }) => text).join('\n');
  const writes = (id: string, text: string) => expect.poll(() => textOf(id), SLOWLY).toContain(text);
  const untilState = (id: string, state: string) =>
    expect.poll(async () => (await machines.look(id)).state, SLOWLY).toBe(state);
  async function processOf(id: string) {
    const found = (await host.processes()).find(({ command }) => command.includes(id));
    if (found === undefined) throw new Error(`${id} has no process`);
    return found;
  }
  const kill = async (id: string) => process.kill((await processOf(id)).pid, 'SIGKILL');

  test('a RAW disk starts, serves on the bridge, has its volumes and its seed, and ends when it is asked to', async () => {
    const seed = { UserData: '#!/bin/sh\naddress=10.1.0.77/24\n', MetaData: 'instance-id: one\n' };
    const volume = { Name: 'counted', Size: 4 * MIB };
    const id = await make({ word: 'v1' }, { parts: { DiskSize: 64 * MIB, Volumes: [volume], Seed: seed } });
    await start(id);
    await answers('v1', '/', '10.1.0.77');
    const disks = (await host.ask('/disks', '10.1.0.77')).trim().split('\n');
    expect(disks.slice(0, 2)).toEqual([
      `disk vda ${(64 * MIB) / SECTOR} 0`,
      `disk vdb ${(4 * MIB) / SECTOR} 0`,
    ]);
    expect(disks[2]).toMatch(/^disk vdc \d+ 1$/);
    expect(await host.ask('/boots', '10.1.0.77')).toBe('1\n');
    await machines.call('stop', id);
    expect(await machines.look(id)).toMatchObject({ state: 'exited', exitCode: 0, error: '' });
    expect(await textOf(id)).toContain('guest goes off');
    expect(await textOf(id)).toContain('[the machine has ended: the guest switched itself off]');

    // What takes its place has its volume.
    const next = await make(
      { word: 'v2' },
      { format: 'qcow2', parts: { DiskSize: 48 * MIB, Volumes: [volume] } },
    );
    await machines.call('remove', id, true);
    await start(next);
    await answers('v2');
    expect(await host.ask('/disks')).toContain(`disk vda ${(48 * MIB) / SECTOR} 0`);
    expect(await host.ask('/boots')).toBe('2\n');
    await expect(machines.call('removeVolume', 'counted')).rejects.toMatchObject({ status: 409 });
    await machines.call('remove', next, false);
    await machines.call('removeVolume', 'counted');
    await machines.call('removeVolume', 'counted');
  });

  test('a disc starts; its console is read by several, and typed into', async () => {
    const isFound = { NetworkingConfig: { EndpointsConfig: { bn1: {} } } };
    const id = await make({ word: 'disc' }, { format: 'iso', spec: isFound });
    await start(id);
    expect((await machines.look(id)).networks).toMatchObject([{ name: 'bn1', gateway: '10.1.0.1' }]);
    await machines.call('attach', id, 'one');
    await machines.call('attach', id, 'two');
    await answers('disc');
    await writes(id, 'guest disc is up');
    // It has told nobody but its neighbours where it is.
    await expect.poll(async () => (await machines.look(id)).networks[0]?.ipv4, SLOWLY).toBe('10.1.0.60');
    await machines.call('type', 'one', 'good evening\n');
    for (const name of ['one', 'two']) {
      await expect.poll(() => machines.call('heard', name), SLOWLY).toContain('heard good evening');
    }
    const [last] = (await machines.readLogs(id, { tail: 1, hasTimes: true })).slice(-1);
    expect(last).toMatchObject({ text: 'heard good evening', at: expect.stringMatching(/^\d{4}-.*Z$/) });
  });

  test('its process has no rights, and no way to the disk of another', async () => {
    const [first, second] = [await makeBlank(), await makeBlank()];
    await start(first);
    await start(second);
    const [one, two] = [await processOf(first), await processOf(second)];
    for (const { pid, user } of [one, two]) {
      const status = await readFile(`/proc/${pid}/status`, 'utf8');
      const of = (name: string) => new RegExp(`^${name}:[ \\t]*(.*?)[ \\t]*$`, 'm').exec(status)?.[1];
      expect([of('Uid'), of('Gid')]).toEqual(Array(2).fill(Array(4).fill(user).join('\t')));
      expect(of('Groups')).toBe('');
      for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb']) expect(of(set)).toMatch(/^0+$/);
      expect([of('NoNewPrivs'), of('Seccomp')]).toEqual(['1', '2']);
      expect(await readFile(`/proc/${pid}/environ`, 'utf8')).not.toContain('HOME');
    }
    expect(one.user).not.toBe(two.user);
    const disk = join(host.folder, 'machines', first, 'disk');
    const as = ['setpriv', '--reuid', String(two.user), '--regid', String(two.user), '--clear-groups'];
    for (const path of [
      disk,
      `/proc/${one.pid}/fd/3`,
      join(host.folder, 'machines', first, 'machine.json'),
    ]) {
      await expect(runHere('setpriv', ...as.slice(1), 'cat', path)).rejects.toThrow(/Permission denied/);
    }
  });

  test('one that crashes is started again, and given up when it does so over and over', async () => {
    const id = await make({ word: 'v1' }, { spec: KEPT_UP, parts: { IsLeftAtBoot: true } });
    await start(id);
    await answers('v1');
    const { startedAt } = await machines.look(id);
    await kill(id);
    await expect.poll(async () => (await machines.look(id)).restartCount, SLOWLY).toBe(1);
    await answers('v1');
    expect((await machines.look(id)).startedAt).not.toBe(startedAt);
    for (let count = 1; count < 6; count += 1) {
      await expect.poll(async () => (await machines.look(id)).restartCount, SLOWLY).toBe(count);
      await untilState(id, 'running');
      await kill(id);
      await expect.poll(async () => (await machines.look(id)).state, SLOWLY).not.toBe('running');
    }
    await untilState(id, 'exited');
    const { error, exitCode } = await machines.look(id);
    expect(error).toBe('given up: it ended 6 times within 10 minutes: its process was ended by SIGKILL');
    expect(exitCode).toBe(137);
    // As does the next boot, for whoever starts it then.
    await machines.end('SIGKILL');
    machines = await host.start({ bootId: 'the next' });
    await expect.poll(async () => (await machines.look(id)).error, SLOWLY).toBe('');
    // Whoever starts it begins anew.
    await start(id);
    expect(await machines.look(id)).toMatchObject({ state: 'running', error: '', restartCount: 0 });
  });

  test('a kernel that panics is a failure, a guest that goes off is none', async () => {
    const panics = await make({ word: 'p', mode: 'panic' }, { spec: STOPPED });
    await start(panics);
    await untilState(panics, 'exited');
    expect((await machines.look(panics)).exitCode).toBe(1);
    expect(await textOf(panics)).toContain('[the machine has ended: the kernel of the guest panicked]');
    const policy = { HostConfig: { RestartPolicy: { Name: 'on-failure' } } } as const;
    const off = await make({ word: 'o', mode: 'off' }, { spec: policy });
    await start(off);
    await untilState(off, 'exited');
    expect(await machines.look(off)).toMatchObject({ exitCode: 0, restartCount: 0, error: '' });
  });

  // EVE #6440, #6452: what is to force it is the same request once more, for 701 s.
  test('a guest that ignores its button is forced to end after its stop timeout', async () => {
    const id = await make({ word: 'deaf', mode: 'deaf' }, { spec: { StopTimeout: 3, ...KEPT_UP } });
    await start(id);
    await writes(id, 'guest deaf is up');
    await machines.call('stop', id);
    expect(await machines.look(id)).toMatchObject({ state: 'exited', exitCode: 137, restartCount: 0 });
    expect(await textOf(id)).toContain('it did not switch itself off within 3 s, and was forced to');
  });

  test.each(['SIGKILL', 'SIGTERM'] as const)(
    'it goes on without the agent (%s), which takes it up again',
    async (signal) => {
      const id = await make({ word: 'v1' }, { spec: KEPT_UP });
      const ended = await makeBlank(KEPT_UP);
      await start(id);
      await start(ended);
      await answers('v1');
      const { pid } = await processOf(id);
      await machines.end(signal);
      await answers('v1');
      await kill(ended);
      machines = await host.start();
      expect(await machines.look(id)).toMatchObject({ state: 'running', restartCount: 0 });
      expect((await processOf(id)).pid).toBe(pid);
      // What ended meanwhile is started again.
      await expect.poll(async () => (await machines.look(ended)).restartCount, SLOWLY).toBe(1);
      await machines.call('remove', ended, true);
      await machines.call('attach', id, 'again');
      await machines.call('type', 'again', 'still there\n');
      await expect.poll(() => machines.call('heard', 'again'), SLOWLY).toContain('heard still there');
      await machines.call('stop', id);
      expect(await machines.look(id)).toMatchObject({ state: 'exited', exitCode: 0 });
    },
  );

  test('an agent that is killed while a machine starts takes it up, and lets it run', async () => {
    const { doorman, open } = await host.closeGate();
    await machines.end('SIGTERM');
    machines = await host.start({ doorman });
    const id = await make({ word: 'v1' }, { spec: KEPT_UP });
    const starting = start(id).catch((error: unknown) => error);
    await expect.poll(async () => (await host.processes()).length, SLOWLY).toBeGreaterThan(0);
    await machines.end('SIGKILL');
    expect(await starting).toBeInstanceOf(Error);
    machines = await host.start();
    await open();
    await answers('v1');
    expect(await host.processes()).toHaveLength(1);
    expect((await machines.look(id)).state).toBe('running');
  });

  test('one whose process hangs is ended all the same', async () => {
    const id = await makeBlank({ StopTimeout: 1, ...KEPT_UP });
    await start(id);
    process.kill((await processOf(id)).pid, 'SIGSTOP');
    await machines.call('stop', id);
    expect(await machines.look(id)).toMatchObject({ state: 'exited', exitCode: 137 });
  });

  test('after a reboot of the host what ran is started, and what was stopped is not', async () => {
    const [runs, stopped] = [await makeBlank(KEPT_UP), await makeBlank(KEPT_UP)];
    // What waits longer after a boot is started by whoever knows how long.
    const left = await makeBlank({ ...KEPT_UP, Machine: { IsLeftAtBoot: true } });
    for (const each of [runs, stopped, left]) await start(each);
    await machines.call('stop', stopped);
    await machines.end('SIGKILL');
    await kill(runs);
    await kill(left);
    machines = await host.start({ bootId: 'the next' });
    await untilState(runs, 'running');
    for (const each of [stopped, left]) expect((await machines.look(each)).state).toBe('exited');
    await start(left);
    expect(await machines.look(left)).toMatchObject({ state: 'running', error: '' });
  });

  test('UEFI is the firmware where it is wanted', async () => {
    const id = await make({ word: 'v1' }, { parts: { Firmware: 'uefi' } });
    await start(id);
    await writes(id, 'BdsDxe');
  });

  describe('of versions', () => {
    const NAME = 'web';
    const CHECK = {
      kind: 'http' as const,
      ...{ port: 80, path: '/', intervalMs: 500, timeoutMs: 5000, startPeriodMs: 600_000, retries: 3 },
    };
    async function deploy(wanted: GuestWanted, health = CHECK) {
      const image = await addImage(wanted, 'qcow2');
      const spec = machineSpec(image.tag, {}, { StopTimeout: 20 });
      return await machines.deploy({
        ...{ name: NAME, spec, image, health, stopSeconds: null, settleMs: 300, keep: 1 },
      });
    }
    afterEach(() => machines.call('removeDeployment', NAME));

    // Five starts of a guest that may be emulated, beside other load.
    const limits = { timeout: 900_000 };
    test(
      'the switch goes to a new one, and back from one that answers nothing, while a client asks',
      limits,
      async () => {
        expect(await deploy({ word: 'v1' })).toMatchObject({ kind: 'committed', generation: 1 });
        await answers('v1');
        const url = 'http://10.1.0.60/';
        const script = `while true; do curl -s -f -m 2 ${url} && echo; sleep 0.3; done`;
        const asker = host.neighbour.start(['sh', '-c', script]);
        let heard = '';
        asker.stdout?.on('data', (chunk: Buffer) => {
          heard += chunk.toString();
        });
        try {
          expect(await deploy({ word: 'v2' })).toMatchObject({
            kind: 'committed',
            generation: 2,
            how: 'in-place',
          });
          await expect.poll(() => heard, SLOWLY).toContain('v2');
          const quick = { ...CHECK, startPeriodMs: 1000, retries: 1, timeoutMs: 1000 };
          const outcome = await deploy({ word: 'v3', mode: 'silent' }, quick);
          expect(outcome).toMatchObject({
            kind: 'kept',
            code: 'UNHEALTHY',
            serving: 'eve_web:v2-good-qcow2',
          });
          heard = '';
          await expect.poll(() => heard, SLOWLY).toContain('v2');
          expect(heard).not.toContain('v3');
          expect(await machines.call('rollback', { name: NAME, settleMs: 300, keep: 1 })).toMatchObject({
            ...{ kind: 'committed', generation: 1 },
          });
          await answers('v1');
        } finally {
          const ended = once(asker, 'exit');
          asker.kill('SIGKILL');
          await ended;
        }
        expect(await machines.call('list', 'io.local-datastore.deployment=web')).toHaveLength(2);
      },
    );
  });

  describe('is refused', () => {
    test('what names other files, or is no disk', async () => {
      const path = join(host.folder, '..', 'made.qcow2');
      const qemuImg = (...args: readonly string[]) =>
        runHere('qemu-img', 'create', '-q', '-f', 'qcow2', ...args);
      const add = (format: DiskFormat = 'qcow2') =>
        machines.addImage({ tag: 'eve_bad:1', path, format, sha256: '0'.repeat(64) });
      await qemuImg('-b', '/etc/shadow', '-F', 'raw', path);
      await expect(add()).rejects.toThrow('names a backing file');
      await rm(path);
      await qemuImg('-o', `data_file=${path}.data,data_file_raw=on`, path, '1M');
      await expect(add()).rejects.toThrow('keeps its data in another file');
      await writeFile(path, 'no disk');
      await expect(add()).rejects.toThrow('no QCOW2 image');
      await expect(add('iso')).rejects.toThrow('no ISO 9660 image');
      expect(await machines.call('inspectImage', 'eve_bad:1')).toBeNull();
    });

    test('a machine whose image has changed or is gone, whose bridge is not there, and without qemu', async () => {
      const path = join(host.folder, '..', 'changing.raw');
      await writeFile(path, Buffer.alloc(MIB));
      const { tag } = await machines.addImage({
        tag: 'eve_change:1',
        path,
        format: 'raw',
        sha256: '1'.repeat(64),
      });
      const nowhere = { NetworkingConfig: { EndpointsConfig: { bn9: {} } } };
      const id = await machines.create('web_nowhere', machineSpec(tag, {}, nowhere));
      made.push(id);
      await expect(start(id)).rejects.toThrow('this host has no bridge bn9');
      await writeFile(path, Buffer.alloc(MIB, 1));
      await expect(machines.create('web_changed', machineSpec(tag))).rejects.toThrow(
        'not the one that was verified',
      );
      await rm(path);
      await expect(machines.create('web_gone', machineSpec(tag))).rejects.toThrow(
        'the file of the image is gone',
      );
      expect(await machines.call('inspect', 'web_gone')).toBeNull();
      await machines.end('SIGTERM');
      machines = await host.start({ hasQemu: false });
      await expect(start(id)).rejects.toThrow(
        'virtual machines need qemu-system-x86_64, which this host has not',
      );
      await machines.end('SIGTERM');
      machines = await host.start();
    });
  });
});

describeWith(['lab', 'root', 'machines'], 'a virtual machine on a disk that is full', () => {
  const SIZE_MIB = 48;

  test('is not made; one that runs stands still, and goes on where there is room', async () => {
    const guests = await createGuestImages();
    const host = await createMachineHost();
    try {
      const { folder } = host;
      const inside = (...command: readonly string[]) => host.lab.host.mustRun(command);
      await inside('mkdir', folder);
      await inside('mount', '-t', 'tmpfs', '-o', `size=${SIZE_MIB}m`, 'tmpfs', folder);
      const machines = await host.start();
      const path = await guests.build({ word: 'v1' });
      const { tag } = await machines.addImage({
        tag: 'eve_a:1',
        path,
        format: 'raw',
        sha256: await sha256Of(path),
      });
      const parts = { Volumes: [{ Name: 'large', Size: 256 * MIB }] };
      const id = await machines.create('web', machineSpec(tag, parts));
      await inside('dd', 'if=/dev/zero', `of=${folder}/ballast`, 'bs=1M', 'count=12');
      await expect(machines.create('other', machineSpec(tag))).rejects.toMatchObject({ status: 507 });
      expect(await machines.call('inspect', 'other')).toBeNull();
      expect((await inside('ls', join(folder, 'machines'))).trim()).toBe(id);

      await machines.call('start', id);
      const text = async () => (await machines.readLogs(id)).map((line) => line.text).join('\n');
      await expect.poll(text, SLOWLY).toContain('guest v1 is up');
      await machines.call('attach', id, 'one');
      await machines.call(
        'type',
        'one',
        'run dd if=/dev/urandom of=/dev/vdb bs=1M seek=1 count=24 conv=fsync 2>/dev/null && echo stored\n',
      );
      await expect.poll(async () => (await machines.look(id)).state, SLOWLY).toBe('paused');
      expect((await machines.look(id)).error).toMatch(/no room is left/);
      await inside('mount', '-o', `remount,size=${4 * SIZE_MIB}m`, folder);
      await expect.poll(text, SLOWLY).toMatch(/^stored$/m);
      expect(await machines.look(id)).toMatchObject({ state: 'running', error: '', restartCount: 0 });
      await machines.call('remove', id, true);
    } finally {
      await host.stop();
      await guests.remove();
    }
  });
});
