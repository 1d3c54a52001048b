// SPDX-License-Identifier: Apache-2.0
import { hash } from 'node:crypto';
import { closeSync } from 'node:fs';
import type { Clock } from '@local-datastore/shared/clock';
import { errorMessage } from '@local-datastore/shared/errors';
import type { Log } from '@local-datastore/shared/log';
import { type Qemu, whyNoQemu, whyNoUefi } from './find-qemu.ts';
import { type LiveMachine, watchMachine } from './live-machine.ts';
import {
  ensureVariables,
  ensureVolume,
  growthOf,
  makeSocketsFolder,
  openFiles,
  type Places,
  type StoredDisk,
} from './machine-folder.ts';
import type { KnownImage } from './machine-images.ts';
import { type MachineFacts, type MachineRecord, readMachineFacts } from './machine-record.ts';
import type { ProcessTable } from './process-table.ts';
import { refused } from './refused.ts';
import type { SerialConsole } from './serial-console.ts';
import { type HandedNetwork, type StartedProcess, startProcess } from './start-process.ts';
import { type Taps, tapName } from './tap-device.ts';

export interface LaunchDeps {
  /** Of the engine. */
  readonly folder: string;
  readonly taps: Taps;
  readonly table: ProcessTable;
  readonly clock: Clock;
  readonly log: Log;
  /** null: the host has none. */
  findQemu(signal: AbortSignal): Promise<Qemu | null>;
  findImage(image: string): KnownImage | undefined;
  /** The user of a slot. */
  userOf(slot: number): number;
}

export interface LaunchOptions {
  readonly record: MachineRecord;
  readonly places: Places;
  readonly console: SerialConsole;
}

/** qemu with all that it opens; also on a disk that is slow and a processor that others have. */
const READY_LIMIT_MS = 60_000;
const OCTET = 2;
const MAC_OCTETS = 5;

/** An address that nobody gave: of those that belong to no maker, the same for as long as the machine is there. */
export function ownMac(id: string, index: number): string {
  const digits = hash('sha256', `${id} ${index}`);
  const octets = Array.from({ length: MAC_OCTETS }, (_, at) => digits.slice(at * OCTET, (at + 1) * OCTET));
  return ['02', ...octets].join(':');
}

/** @throws EngineError 501 where the host lacks what a machine needs */
export async function needQemu(
  { findQemu }: Pick<LaunchDeps, 'findQemu'>,
  signal: AbortSignal,
): Promise<Qemu> {
  if (process.geteuid?.() !== 0) {
    throw refused(501, 'virtual machines need an agent that runs as root: each has a user of its own');
  }
  const qemu = await findQemu(signal);
  if (qemu === null) throw refused(501, whyNoQemu());
  return qemu;
}

/** @throws EngineError 501 */
function isUefi(qemu: Qemu, { firmware }: MachineFacts): boolean {
  const wanted = firmware ?? (qemu.architecture === 'x64' ? 'bios' : 'uefi');
  if (wanted === 'bios' && qemu.architecture !== 'x64') {
    throw refused(422, 'this processor has no BIOS: a machine starts by UEFI here');
  }
  if (wanted === 'uefi' && qemu.uefi === null) throw refused(501, whyNoUefi(qemu.architecture));
  return wanted === 'uefi';
}

/** Takes away the taps of a machine; one that stays is logged, and stops nothing. */
export async function removeTaps(
  { taps, log }: Pick<LaunchDeps, 'taps' | 'log'>,
  { id, spec }: MachineRecord,
  signal: AbortSignal,
): Promise<void> {
  for (const index of readMachineFacts(spec).networks.keys()) {
    const tap = tapName(id, index);
    await taps.remove(tap, signal).catch((error: unknown) => {
      log.warn({ tap, reason: errorMessage(error) }, 'the tap of a machine cannot be taken away');
    });
  }
}

async function disksOf(
  { folder, findImage }: LaunchDeps,
  { record, places }: LaunchOptions,
  facts: MachineFacts,
  signal: AbortSignal,
): Promise<StoredDisk[]> {
  const isReadOnly = record.format === 'iso';
  const own = { path: places.disk, format: record.format, isReadOnly, wantedBytes: facts.diskBytes };
  const { root } = facts;
  const disks: StoredDisk[] = [root === null ? own : await ensureVolume(folder, root, findImage, signal)];
  for (const volume of facts.volumes) disks.push(await ensureVolume(folder, volume, findImage, signal));
  return disks;
}

async function addTaps(
  { taps }: LaunchDeps,
  { id }: MachineRecord,
  { networks }: MachineFacts,
  signal: AbortSignal,
): Promise<void> {
  for (const [index, { bridge }] of networks.entries()) {
    if ((await taps.inspectBridge(bridge, signal)) === null) {
      throw refused(404, `this host has no bridge ${bridge}`);
    }
    await taps.add(tapName(id, index), bridge, signal);
  }
}

/**
 * Starts the process of a machine, and lets it run once all of it is there.
 *
 * @throws EngineError where it cannot be started, by whose end nothing is left of it; the signal's reason
 */
export async function launchMachine(
  deps: LaunchDeps,
  options: LaunchOptions,
  signal: AbortSignal,
): Promise<LiveMachine> {
  const { table, clock, log, userOf } = deps;
  const { record, places, console } = options;
  const facts = readMachineFacts(record.spec);
  const qemu = await needQemu(deps, signal);
  const hasUefi = isUefi(qemu, facts);
  const user = userOf(record.slot);
  const disks = await disksOf(deps, options, facts, signal);
  if (hasUefi && qemu.uefi !== null) await ensureVariables(places, qemu.uefi.varsPath);
  await makeSocketsFolder(places, user);
  let live: LiveMachine | null = null;
  let complaint = () => '';
  try {
    await addTaps(deps, record, facts, signal);
    const files = await openFiles(places, disks, {
      variables: hasUefi,
      seed: record.spec.Machine?.Seed !== undefined,
    });
    const { id } = record;
    const { architecture, accelerator } = qemu;
    const { memoryMib, cpus } = facts;
    const wanted = { id, architecture, accelerator, memoryMib, cpus };
    let started: StartedProcess;
    const interfaces: HandedNetwork[] = [];
    try {
      for (const [index, { mac }] of facts.networks.entries()) {
        interfaces.push({ tapFd: deps.taps.open(tapName(id, index)), mac: mac ?? ownMac(id, index) });
      }
      started = startProcess(qemu, user, wanted, files, interfaces);
    } finally {
      for (const { tapFd } of interfaces) closeSync(tapFd);
      await files.close();
    }
    ({ complaint } = started);
    const identity = await table.identify(started.pid);
    if (identity === null) throw new Error(`qemu ended with ${(await started.ended).code}`);
    const { sockets: socketsFolder } = places;
    live = watchMachine({ table, clock, log }, { identity, started, user, socketsFolder, console });
    await live.ready(AbortSignal.any([signal, AbortSignal.timeout(READY_LIMIT_MS)]));
    for (const [index, disk] of disks.entries()) {
      const bytes = await growthOf(disk);
      if (bytes !== null) await live.growDisk(index, bytes);
    }
    await live.resume();
    return live;
  } catch (error) {
    await live?.force('it could not be started');
    await removeTaps(deps, record, AbortSignal.timeout(READY_LIMIT_MS));
    signal.throwIfAborted();
    const said = complaint();
    throw 'status' in (error as object)
      ? error
      : refused(
          500,
          `${errorMessage(error)}${said === '' ? '' : ` (qemu: ${said.split('\n').at(-1)})`}`,
          error,
        );
  }
}
