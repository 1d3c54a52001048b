// SPDX-License-Identifier: Apache-2.0
import { isUtf8 } from 'node:buffer';
import type { AppInstance } from '@local-datastore/shared/eve/app-instance';
import type { ContentTree } from '@local-datastore/shared/eve/content-tree';
import type { Volume } from '@local-datastore/shared/eve/volume';
import type { DiskFormat } from '../machines/machine-engine-contract.ts';
import { findPortsTwice, type PortMap } from './port-maps.ts';

/** What an app is as a VM, beside what all apps are. */
export interface VmParts {
  readonly diskFormat: DiskFormat;
  readonly memoryBytes: number;
  readonly isUefi: boolean;
  /** Whether a drive for cloud-init may be given. */
  readonly hasSeed: boolean;
  /** For cloud-init, base64; null: none is wanted. A secret may stand in it. */
  readonly userData: string | null;
}

interface Disk {
  readonly volume: Volume;
  readonly tree: ContentTree | null;
}

const KIB = 1024;
const DISK_FORMATS = { RAW: 'raw', QCOW2: 'qcow2', ISO: 'iso' } as const;

/** @returns null for a format that is no disk */
export function diskFormatOf({ tree }: Pick<Disk, 'tree'>): VmParts['diskFormat'] | null {
  const format = tree?.iformat ?? 'RAW';
  return Object.hasOwn(DISK_FORMATS, format) ? DISK_FORMATS[format as keyof typeof DISK_FORMATS] : null;
}

/** By which device model EVE runs a guest; here it is always the same one. */
function judgeMode(mode: AppInstance['fixedresources']['virtualizationMode']): {
  readonly problem?: string;
  readonly warning?: string;
} {
  switch (mode) {
    case 'NOHYPER':
      return {
        problem:
          'fixedresources.virtualizationMode: NOHYPER is for containers, and a disk is started as a VM',
      };
    case 'LEGACY':
    case 'FML':
      return {
        warning: `fixedresources.virtualizationMode: the devices of a VM are virtio's here, also in the mode ${mode}: its system must have drivers for them`,
      };
    default:
      return {};
  }
}

function judgeUserData({ userData, metaDataType }: AppInstance) {
  if (userData === '') return {};
  if (metaDataType === 'MetaDataNone') {
    return { warning: 'nothing is done by userData: metaDataType is MetaDataNone' };
  }
  if (metaDataType !== 'MetaDataDrive') {
    return {
      problem: `metaDataType: ${metaDataType} is not made here: MetaDataDrive is a drive of cloud-init's NoCloud`,
    };
  }
  return isUtf8(Buffer.from(userData, 'base64'))
    ? {}
    : { problem: 'userData: a text expected, in base64: cloud-init reads it from a drive as it is' };
}

/**
 * What an app whose root is a disk is as a VM.
 *
 * @param networks its interfaces, as far as a VM differs in them
 * @returns also what is wrong with it, and what nothing is done by
 */
export function readVm(
  app: AppInstance,
  [root, ...volumes]: readonly [Disk, ...Disk[]],
  networks: readonly { readonly bridge: { readonly name: string }; readonly portMaps: readonly PortMap[] }[],
): { readonly parts: VmParts; readonly problems: readonly string[]; readonly warnings: readonly string[] } {
  const problems: string[] = [];
  const warnings: string[] = [];
  const note = ({ problem, warning }: { readonly problem?: string; readonly warning?: string }) => {
    if (problem !== undefined) problems.push(problem);
    if (warning !== undefined) warnings.push(warning);
  };
  const { memory, bootMode, virtualizationMode } = app.fixedresources;
  const diskFormat = diskFormatOf(root);
  if (diskFormat === null) {
    problems.push(
      `a VM is started from a disk of the format RAW, QCOW2 or ISO, not ${root.tree?.iformat}: qemu-img convert makes one`,
    );
  } else if (root.volume.readonly && diskFormat !== 'iso') {
    problems.push(`volume ${root.volume.uuid}: the disk that a VM is started from cannot be read-only`);
  }
  if (volumes.some((disk) => diskFormatOf(disk) === null))
    problems.push('volumeRefList: the disks of a VM are of the formats RAW, QCOW2 or ISO');
  if (memory === 0) problems.push('fixedresources.memory: the memory of a VM is expected, in KiB');
  note(judgeMode(virtualizationMode));
  note(judgeUserData(app));
  problems.push(...findPortsTwice(networks));
  for (const [i, { bridge }] of networks.entries()) {
    if (networks.findIndex(({ bridge: { name } }) => name === bridge.name) !== i)
      problems.push(`interfaces[${i}]: a VM is attached to ${bridge.name} once, not twice`);
  }
  const hasSeed = app.metaDataType === 'MetaDataDrive';
  return {
    problems,
    warnings,
    parts: {
      diskFormat: diskFormat ?? 'raw',
      memoryBytes: memory * KIB,
      isUefi: bootMode === 'VM_BOOT_MODE_UEFI',
      hasSeed,
      userData: hasSeed && app.userData !== '' ? app.userData : null,
    },
  };
}
