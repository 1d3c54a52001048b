// SPDX-License-Identifier: Apache-2.0
import type { DiskFormat } from './machine-engine-contract.ts';

/** `kvm` where the processor runs the machine itself; else it is emulated, which is many times slower. */
export type Accelerator = 'kvm' | 'tcg';
export type MachineArchitecture = 'x64' | 'arm64';

/** A disk as qemu gets it: not by a path, which its user cannot open, but by a file that is open already. */
export interface OpenDisk {
  readonly fd: number;
  readonly format: DiskFormat;
  readonly isReadOnly: boolean;
}

export interface MachineNetwork {
  /** Of its tap, whose device its user cannot open. */
  readonly tapFd: number;
  readonly mac: string;
}

/** All that the process of a machine is told. */
export interface QemuWanted {
  readonly id: string;
  readonly architecture: MachineArchitecture;
  readonly accelerator: Accelerator;
  readonly memoryMib: number;
  readonly cpus: number;
  /** It boots from the first. */
  readonly disks: readonly OpenDisk[];
  readonly networks: readonly MachineNetwork[];
  /** A path of the code that the host has, and the file of this machine's variables; null: the BIOS. */
  readonly uefi: { readonly codePath: string; readonly varsFd: number } | null;
  /** Of a folder; null: none. */
  readonly seedFd: number | null;
  /** Of the folder for its sockets. */
  readonly socketsFd: number;
}

/** The names of the sockets in their folder. */
export const SOCKETS = { monitor: 'qmp', console: 'console' } as const;

/** Of the node of a disk, by which its size is changed. */
export const diskNode = (index: number): string => `disk${index}`;

/** A value within an option (qemu-options: a comma is doubled). */
export const escapeValue = (value: string): string => value.replaceAll(',', ',,');

const MACHINE_TYPES = { x64: 'q35', arm64: 'virt' } as const;
/** All that can be emulated, but for a page table of five levels, which each access to memory would pay for. */
const EMULATED_CPUS = { x64: 'max,la57=off', arm64: 'max' } as const;
/** qemu's own limit for what it keeps of translated code is up to a GiB. */
const TCG_CACHE_MIB = 128;

const blockdev = (options: Readonly<Record<string, unknown>>) => ['-blockdev', JSON.stringify(options)];

function diskDevice(format: DiskFormat, isArm: boolean): string {
  if (format !== 'iso') return 'virtio-blk-pci';
  return isArm ? 'scsi-cd' : 'ide-cd';
}

function diskArguments({ fd, format, isReadOnly }: OpenDisk, index: number, isArm: boolean): string[] {
  const node = diskNode(index);
  const access = { 'read-only': isReadOnly || format === 'iso', 'auto-read-only': false, discard: 'unmap' };
  const file = { driver: 'file', 'node-name': `${node}-file`, filename: `/dev/fdset/${index}` };
  const boot = index === 0 ? ',bootindex=1' : '';
  return [
    ...['-add-fd', `fd=${fd},set=${index}`],
    ...blockdev({ ...file, ...access }),
    // Of what the image itself says, neither its format nor another file is believed.
    ...blockdev({
      ...{ driver: format === 'qcow2' ? 'qcow2' : 'raw', 'node-name': node, file: `${node}-file`, ...access },
      ...(format === 'qcow2' && { backing: null }),
    }),
    ...['-device', `${diskDevice(format, isArm)},drive=${node}${boot}`],
  ];
}

function uefiArguments({ codePath, varsFd }: NonNullable<QemuWanted['uefi']>, set: number): string[] {
  const code = { driver: 'file', filename: codePath };
  return [
    ...blockdev({ driver: 'raw', 'node-name': 'uefi-code', 'read-only': true, file: code }),
    ...['-add-fd', `fd=${varsFd},set=${set}`],
    ...blockdev({
      ...{ driver: 'raw', 'node-name': 'uefi-vars' },
      file: { driver: 'file', filename: `/dev/fdset/${set}` },
    }),
  ];
}

/**
 * The command line of qemu for a machine.
 *
 * Pure. It waits to be told to run. Of the host it is given open files, two sockets in a folder of its own, and taps;
 * it reads no configuration, shows nothing, and denies itself to start programs or to take other rights.
 *
 * @returns words for execve, none of which a shell ever sees
 */
export function qemuArguments(wanted: QemuWanted): string[] {
  const { id, architecture, accelerator, memoryMib, cpus, disks, networks, uefi, seedFd, socketsFd } = wanted;
  const isArm = architecture === 'arm64';
  const type = MACHINE_TYPES[architecture];
  const pflash = uefi === null ? '' : ',pflash0=uefi-code,pflash1=uefi-vars';
  const socket = (name: string) => `path=/proc/self/fd/${socketsFd}/${name},server=on,wait=off`;
  return [
    ...['-nodefaults', '-no-user-config', '-display', 'none', '-S'],
    ...['-uuid', id, '-name', `guest=${escapeValue(id)}`],
    ...['-sandbox', 'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny'],
    ...['-machine', `${type}${pflash}`],
    ...['-accel', accelerator === 'kvm' ? 'kvm' : `tcg,tb-size=${TCG_CACHE_MIB}`],
    ...['-cpu', accelerator === 'kvm' ? 'host' : EMULATED_CPUS[architecture]],
    ...['-m', String(memoryMib), '-smp', String(cpus)],
    ...(uefi === null ? [] : uefiArguments(uefi, disks.length)),
    ...(isArm && disks.some(({ format }) => format === 'iso') ? ['-device', 'virtio-scsi-pci'] : []),
    ...disks.flatMap((disk, index) => diskArguments(disk, index, isArm)),
    ...(seedFd === null
      ? []
      : [
          ...blockdev({
            ...{ driver: 'vvfat', 'node-name': 'seed', dir: `/proc/self/fd/${seedFd}` },
            ...{ label: 'cidata', 'read-only': true },
          }),
          ...['-device', 'virtio-blk-pci,drive=seed'],
        ]),
    ...networks.flatMap(({ tapFd, mac }, index) => [
      ...['-netdev', `tap,id=net${index},fd=${tapFd}`],
      ...['-device', `virtio-net-pci,netdev=net${index},mac=${mac},romfile=`],
    ]),
    ...['-object', 'rng-random,id=rng0,filename=/dev/urandom', '-device', 'virtio-rng-pci,rng=rng0'],
    ...['-device', 'pvpanic-pci'],
    ...['-chardev', `socket,id=console,${socket(SOCKETS.console)}`, '-serial', 'chardev:console'],
    ...['-chardev', `socket,id=monitor,${socket(SOCKETS.monitor)}`, '-mon', 'chardev=monitor,mode=control'],
  ];
}
