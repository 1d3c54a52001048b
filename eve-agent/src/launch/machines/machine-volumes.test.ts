// SPDX-License-Identifier: Apache-2.0
/** The volumes of machines that are made and never run: what is taken over, and what goes with whom. */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '@local-datastore/shared/log';
import { createManualClock } from '@local-datastore/shared/manual-clock';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { MachineParts } from '../engine/container-spec.ts';
import type { Qemu } from './find-qemu.ts';
import type { MachineEngine } from './machine-engine-contract.ts';
import { openMachineEngine } from './open-machine-engine.ts';

const { signal } = new AbortController();
const SECTOR_BYTES = 512;
const isRoot = process.geteuid?.() === 0;
const taps = {
  ...{ inspectBridge: async () => null, add: async () => {}, remove: async () => {} },
  open: () => expect.unreachable(),
};
const table = { findByUser: async () => [] } as never;

let folder: string;
let engine: MachineEngine;
const open = () =>
  openMachineEngine({
    ...{ folder: join(folder, 'state'), log: silentLog, clock: createManualClock(), wallMs: () => 0 },
    ...{ bootId: 'boot', findQemu: async () => ({}) as Qemu, taps, table, portRule: null },
  });
const specOf = (Machine: MachineParts) => ({
  ...{ Image: 'app:1', HostConfig: { Memory: 64 * 1024 * 1024 }, Machine },
});
const create = (name: string, parts: MachineParts) => engine.create(name, specOf(parts), signal);
const volumes = async () => (await readdir(join(folder, 'state/volumes'))).sort();
const disk = (name: string) => join(folder, 'state/volumes', `${name}.raw`);

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'machine-volumes-'));
  await writeFile(join(folder, 'disk.img'), Buffer.alloc(SECTOR_BYTES, 'a'));
  engine = await open();
  const file = { path: join(folder, 'disk.img'), format: 'raw' as const, sha256: 'a'.repeat(64) };
  await engine.addImage({ ...file, tag: 'app:1' }, signal);
});
afterEach(() => rm(folder, { recursive: true }));

// Machines are root's alone.
describe.runIf(isRoot)('the disk of an image that is a volume', () => {
  it('is made of it once, and taken over as it is', async () => {
    const one = await create('one', { RootVolume: 'root' });
    expect(await readFile(disk('root'), 'latin1')).toBe('a'.repeat(SECTOR_BYTES));
    // No second disk lies beside the record.
    expect(await readdir(join(folder, 'state/machines', one))).toEqual(['machine.json']);
    await writeFile(disk('root'), 'what the guest wrote');
    const two = await create('two', { RootVolume: 'root' });
    await engine.remove(one, true, signal);
    expect(await readFile(disk('root'), 'latin1')).toBe('what the guest wrote');
    await engine.remove(two, true, signal);
    expect(await volumes()).toEqual([]);
  });

  it('is another one by another name', async () => {
    await create('one', { RootVolume: 'root_0' });
    await create('two', { RootVolume: 'root_1' });
    expect(await volumes()).toEqual(['root_0.raw', 'root_1.raw']);
  });

  it.each<[string, MachineParts]>([
    ['a path', { RootVolume: '../escape' }],
    ['one of its volumes', { RootVolume: 'data', Volumes: [{ Name: 'data', Size: SECTOR_BYTES }] }],
  ])('cannot be %s', async (_what, parts) => {
    await expect(create('one', parts)).rejects.toMatchObject({ status: 422 });
    expect(await volumes()).toEqual([]);
  });
});

describe.runIf(isRoot)('a volume', () => {
  const data = { Volumes: [{ Name: 'data', Size: SECTOR_BYTES }] };

  it('goes with the last machine that has it', async () => {
    const [one, two] = [await create('one', data), await create('two', data)];
    await engine.remove(one, true, signal);
    expect(await volumes()).toEqual(['data.raw']);
    await engine.remove(two, true, signal);
    expect(await volumes()).toEqual([]);
  });

  it('stays where it is asked to', async () => {
    await engine.remove(await create('one', data), false, signal);
    expect(await volumes()).toEqual(['data.raw']);
  });

  it('of a machine that cannot be made goes at once, but not one that another has', async () => {
    await create('one', data);
    const failing = [...data.Volumes, { Name: 'more', Size: SECTOR_BYTES }, { Name: 'bad', Image: 'none:1' }];
    await expect(create('two', { Volumes: failing })).rejects.toMatchObject({ status: 404 });
    expect(await volumes()).toEqual(['data.raw']);
  });

  it('that a crash left goes when the engine is opened, unless a machine cannot be read', async () => {
    await create('one', data);
    await writeFile(disk('left'), '');
    await mkdir(join(folder, 'state/machines/broken'));
    await writeFile(join(folder, 'state/machines/broken/machine.json'), '{');
    engine = await open();
    expect(await volumes()).toEqual(['data.raw', 'left.raw']);
    await rm(join(folder, 'state/machines/broken'), { recursive: true });
    engine = await open();
    expect(await volumes()).toEqual(['data.raw']);
  });
});
