// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, waitUnlessAborted } from '@local-datastore/shared/clock';
import { EngineError } from '@local-datastore/shared/engine/engine-client';
import { errorMessage } from '@local-datastore/shared/errors';
import { syncDirectory } from '@local-datastore/shared/files/durable-file';
import { makeFolder } from '@local-datastore/shared/files/make-folder';
import type { Log } from '@local-datastore/shared/log';
import { findTool, runTool } from '../switch/packet-filter-tool.ts';
import type { PortRule } from '../switch/port-rule.ts';
import type { Qemu } from './find-qemu.ts';
import { holdPort } from './held-port.ts';
import { needQemu } from './launch-machine.ts';
import { createMachine, type Machine, type MachineDeps } from './machine.ts';
import type { MachineEngine } from './machine-engine-contract.ts';
import {
  ensureVolume,
  listVolumes,
  makeMachineFolder,
  placesOf,
  readRecord,
  removeMachineFolder,
  removeVolumeFiles,
  writeRecord,
} from './machine-folder.ts';
import { openMachineImages } from './machine-images.ts';
import {
  allVolumes,
  isMachineName,
  type MachineFacts,
  type MachineRecord,
  readMachineFacts,
} from './machine-record.ts';
import { createProcessTable, type ProcessTable } from './process-table.ts';
import { createPublishedPorts, readForwarding } from './published-ports.ts';
import { refused } from './refused.ts';
import { createTaps, type Taps } from './tap-device.ts';

export interface MachineEngineOptions {
  /** Absolute; of the engine alone, with its machines, their disks and volumes. */
  readonly folder: string;
  readonly log: Log;
  readonly clock: Clock;
  wallMs(): number;
  /** Of this boot of the host (random(4), boot_id). */
  readonly bootId: string;
  /** null: the host has none. It is asked each time, so that one that is installed meanwhile is found. */
  findQemu(signal: AbortSignal): Promise<Qemu | null>;
  /** By which ports of the host are led into machines; null: none, the agent passes on what comes to them. */
  readonly portRule: PortRule | null;
  /** Absent: beyond what systemd gives to users and containers. */
  readonly firstUser?: number;
  /** For tests. */
  readonly table?: ProcessTable;
  readonly taps?: Taps;
}

/** systemd, UIDS-GIDS: containers end at 1879048191; nobody gives these. */
const FIRST_USER = 1_900_000_000;
const MAX_SLOTS = 65_536;
const OWN = 0o700;
/** How often it is looked whether there is room again for one that waits for it, and where each is. */
const LOOK_MS = 5000;

/** Opens the machines of a folder, and takes up those that run. */
export async function openMachineEngine(options: MachineEngineOptions): Promise<MachineEngine> {
  const { folder, log, clock, wallMs, bootId, findQemu, firstUser = FIRST_USER } = options;
  const { portRule } = options;
  const machines = new Map<string, Machine>();
  const beingMade = new Set<string>();
  const inMaking = new Set<MachineFacts>();
  let isEachRead = true;
  let supervising: AbortSignal | null = null;
  const machinesFolder = join(folder, 'machines');
  await makeFolder(folder, OWN);
  for (const each of [machinesFolder, join(folder, 'volumes')]) await makeFolder(each, OWN);
  const images = await openMachineImages(join(folder, 'images.json'), (imageId) =>
    [...machines.values()].some((machine) => machine.record().imageId === imageId),
  );
  const taps = options.taps ?? createTaps(await findTool('ip'), runTool);
  const volumesOf = (machine: Machine) => allVolumes(readMachineFacts(machine.record().spec));
  const writableVolumes = (machine: Machine) => volumesOf(machine).filter(({ isReadOnly }) => !isReadOnly);

  const ports = createPublishedPorts({
    ...{ portRule, log },
    forwards: readForwarding,
    hold: (port, whereTo) => holdPort(port, whereTo, clock),
  });
  const deps: MachineDeps = {
    ...{ folder, ports, taps, clock, log, wallMs, bootId, findQemu },
    table: options.table ?? createProcessTable(),
    findImage: images.find,
    userOf: (slot) => firstUser + slot,
    supervisor: () => supervising,
    needVolumes(machine) {
      const names = new Set(writableVolumes(machine).map(({ name }) => name));
      for (const other of machines.values()) {
        if (other === machine || !other.isLive()) continue;
        const shared = writableVolumes(other).find(({ name }) => names.has(name));
        if (shared !== undefined) {
          throw refused(409, `the volume ${shared.name} is in use by ${other.record().name}`);
        }
      }
    },
  };

  for (const id of await readdir(machinesFolder)) {
    const places = placesOf(folder, id);
    let record: MachineRecord | null;
    try {
      record = await readRecord(places.record);
    } catch (error) {
      log.error(
        { machine: id, reason: errorMessage(error) },
        'a machine is left out: its record cannot be used',
      );
      isEachRead = false;
      continue;
    }
    // Its making or its removal was cut off.
    if (record === null) await rm(places.folder, { recursive: true, force: true });
    else machines.set(id, createMachine(deps, places, record));
  }
  for (const machine of machines.values()) await machine.adopt();
  await ports.tidy();

  /** Of volumes those that no machine has. */
  async function removeUnnamed(names: readonly string[]): Promise<void> {
    const has = [...[...machines.values()].map(volumesOf), ...[...inMaking].map(allVolumes)];
    const named = new Set(has.flat().map(({ name }) => name));
    for (const name of names) if (!named.has(name)) await removeVolumeFiles(folder, name);
  }

  // Their making, or the removal of what had them, was cut off. What is left out has some that nobody knows.
  if (isEachRead) await removeUnnamed(await listVolumes(folder));

  let isClosed = false;
  /** What goes on is not seen any more: nobody may take it for ended. */
  function needOpen(): void {
    if (isClosed)
      throw new EngineError('ENGINE_UNREACHABLE', 'the machines are left alone: the agent ends', null);
  }
  function find(name: string): Machine | undefined {
    needOpen();
    return machines.get(name) ?? [...machines.values()].find((machine) => machine.record().name === name);
  }
  function need(name: string): Machine {
    const found = find(name);
    if (found === undefined) throw refused(404, `No such machine: ${name}`);
    return found;
  }
  function needFreeName(name: string): void {
    if (!isMachineName(name)) throw refused(422, `"${name}" cannot be the name of a machine`);
    if (beingMade.has(name) || find(name) !== undefined) {
      throw refused(409, `the name ${name} is in use by another machine`);
    }
  }
  const slotsInMaking = new Set<number>();
  function takeSlot(): number {
    const taken = new Set([...machines.values()].map((machine) => machine.record().slot));
    for (let slot = 0; slot < MAX_SLOTS; slot += 1) {
      if (taken.has(slot) || slotsInMaking.has(slot)) continue;
      slotsInMaking.add(slot);
      return slot;
    }
    throw refused(409, 'no user is left for another machine');
  }

  return {
    async ping() {
      needOpen();
    },
    async list(label) {
      needOpen();
      const [name = '', ...rest] = label.split('=');
      const value = rest.length > 0 ? rest.join('=') : null;
      const fits = ({ spec }: MachineRecord) => {
        const found = spec.Labels?.[name];
        return found !== undefined && (value === null || found === value);
      };
      return [...machines.values()]
        .map((machine) => machine.record())
        .filter(fits)
        .map(({ id }) => id);
    },
    inspect: async (machine) => (await find(machine)?.inspect()) ?? null,
    async readSpec(machine) {
      const { spec, restart } = need(machine).record();
      return { ...spec, HostConfig: { ...spec.HostConfig, RestartPolicy: restart } };
    },

    async create(name, spec, signal) {
      needFreeName(name);
      const facts = readMachineFacts(spec);
      const image = images.find(spec.Image);
      if (image === undefined) throw refused(404, `No such image: ${spec.Image}`);
      await needQemu(deps, signal);
      beingMade.add(name);
      inMaking.add(facts);
      const slot = takeSlot();
      const id = randomUUID();
      const places = placesOf(folder, id);
      try {
        const own = facts.root === null ? image : null;
        await makeMachineFolder(places, own, spec.Machine?.Seed ?? null, deps.userOf(slot), signal);
        for (const volume of allVolumes(facts)) await ensureVolume(folder, volume, images.find, signal);
        const record: MachineRecord = {
          ...{ id, name, slot, spec, imageId: image.id, format: image.format },
          restart: spec.HostConfig.RestartPolicy ?? { Name: 'no' },
          ...{ isWanted: false, isLive: false, gaveUpIn: null },
          ...{ startedAt: '', exitCode: 0, error: '', restartCount: 0 },
        };
        await writeRecord(places.record, record);
        await syncDirectory(machinesFolder);
        machines.set(id, createMachine(deps, places, record));
        return id;
      } catch (error) {
        inMaking.delete(facts);
        await removeMachineFolder(places).catch(() => {});
        await removeUnnamed(allVolumes(facts).map((volume) => volume.name)).catch(() => {});
        throw error;
      } finally {
        beingMade.delete(name);
        inMaking.delete(facts);
        slotsInMaking.delete(slot);
      }
    },

    start: async (machine, signal) => await need(machine).start(signal),
    stop: async (machine, signal) => await need(machine).stop(signal),
    restart: async (machine, signal) => await need(machine).restart(signal),
    async remove(machine, hasVolumes, signal) {
      const found = find(machine);
      if (found === undefined) return;
      const names = volumesOf(found).map(({ name }) => name);
      await found.remove(signal);
      machines.delete(found.record().id);
      if (hasVolumes) await removeUnnamed(names);
    },
    async rename(machine, name) {
      const found = need(machine);
      needFreeName(name);
      await found.change({ name });
    },
    setRestartPolicy: async (machine, policy) => await need(machine).change({ restart: policy }),
    async *readLogs(machine, wanted, signal) {
      yield* need(machine).readLogs(wanted, signal);
    },
    async exec() {
      throw refused(501, 'no command can be run in a virtual machine');
    },

    ...images,
    addImage: (image) => images.add(image),
    inspectNetwork: (network, signal) => taps.inspectBridge(network, signal),
    async hasInit() {
      return false;
    },
    async untilAway(signal) {
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
      signal.throwIfAborted();
    },
    openConsole: async (machine, signal) => need(machine).openConsole(signal),
    setPorts: async (machine, wanted) => await need(machine).setPorts(wanted),
    needPorts: (wanted, isOwn) => ports.need(wanted, isOwn),
    async removeVolume(name, signal) {
      const user = [...machines.values()].find((machine) =>
        volumesOf(machine).some((volume) => volume.name === name),
      );
      if (user !== undefined) throw refused(409, `the volume ${name} is one of ${user.record().name}`);
      signal.throwIfAborted();
      await removeVolumeFiles(folder, name);
    },
    async supervise(signal) {
      supervising = signal;
      for (const machine of machines.values()) machine.bringUp();
      while (!signal.aborted) {
        await waitUnlessAborted(clock, LOOK_MS, signal);
        for (const machine of machines.values()) {
          await machine.resumeWhereRoom();
          await machine.followPorts();
        }
      }
      supervising = null;
      isClosed = true;
      for (const machine of machines.values()) await machine.detach();
      await ports.close();
    },
  };
}
