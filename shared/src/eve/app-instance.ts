// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { eveUuid } from './eve-uuid.ts';
import { protoEnum, protoInt64, protoMessage, protoUint64 } from './proto-json.ts';

/** EVE's `VmMode`, in the order of its numbers. */
export const VM_MODES = ['PV', 'HVM', 'Filler', 'FML', 'NOHYPER', 'LEGACY'] as const;
/** EVE's `VmBootMode`. */
export const VM_BOOT_MODES = [
  'VM_BOOT_MODE_UNSPECIFIED',
  'VM_BOOT_MODE_LEGACY',
  'VM_BOOT_MODE_UEFI',
] as const;
/** EVE's `MetaDataType`. */
export const METADATA_TYPES = [
  'MetaDataDrive',
  'MetaDataNone',
  'MetaDataOpenStack',
  'MetaDataDriveMultipart',
] as const;
/** EVE's `ACEDirection`. */
const ACE_DIRECTIONS = ['BOTH', 'INGRESS', 'EGRESS'] as const;

const MAX_PORT = 65_535;
const MAX_OF_APP = 100;
/** Base64 of what cloud-init takes; EVE's own messages hold no more. */
const MAX_USER_DATA_CHARACTERS = 1_000_000;

const text = z.string().max(1024).default('');
const counter = protoUint64.default(0);
const operation = protoMessage({ counter }).default({ counter: 0 });

/** EVE's `ACE`: what is allowed, limited, or mapped from a port of the device. */
const accessRule = protoMessage({
  matches: z
    .array(protoMessage({ type: text, value: text }))
    .max(MAX_OF_APP)
    .default([]),
  actions: z
    .array(
      protoMessage({
        drop: z.boolean().default(false),
        limit: z.boolean().default(false),
        portmap: z.boolean().default(false),
        appPort: z.int().min(0).max(MAX_PORT).default(0),
      }),
    )
    .max(MAX_OF_APP)
    .default([]),
  dir: protoEnum(ACE_DIRECTIONS).default('BOTH'),
});
export type AccessRule = z.infer<typeof accessRule>;

/** EVE's `NetworkAdapter`: a virtual interface on a network instance. */
const networkAdapter = protoMessage({
  name: text,
  /** The uuid of a network instance. */
  networkId: text,
  /** An address of its own; '' where it is left to the network instance. */
  addr: text,
  macAddress: z
    .string()
    .regex(/^(([0-9a-fA-F]{2}[:-]){5}[0-9a-fA-F]{2})?$/, { error: 'a MAC address expected' })
    .default(''),
  acls: z.array(accessRule).max(MAX_OF_APP).default([]),
  accessVlanId: z.int().min(0).default(0),
});
export type NetworkAdapter = z.infer<typeof networkAdapter>;

/** EVE's `VmConfig`, as far as it is used or told of. Memory in KiB. */
const resources = protoMessage({
  memory: protoUint64.default(0),
  maxmem: protoUint64.default(0),
  vcpus: z.int().min(0).max(1024).default(0),
  virtualizationMode: protoEnum(VM_MODES).default('PV'),
  bootMode: protoEnum(VM_BOOT_MODES).default('VM_BOOT_MODE_UNSPECIFIED'),
  disableLogs: z.boolean().default(false),
  enableVnc: z.boolean().default(false),
  pinCpu: z.boolean().default(false),
  cpuPolicy: z.unknown().optional(),
  kernel: text,
  ramdisk: text,
});

/** EVE's `VolumeRef`. */
const volumeRef = protoMessage({
  uuid: eveUuid,
  generationCount: protoInt64.default(0),
  /** In a container; '' for EVE's own, `/mnt`. */
  mountDir: text,
});
export type VolumeRef = z.infer<typeof volumeRef>;

/**
 * EVE's `AppInstanceConfig` (`apps[]` of a device's configuration), in protobuf's JSON mapping: what is left out
 * there is 0, '' or false. Fields that are only told of are kept as they are.
 */
export const appInstanceSchema = z.object({
  uuidandversion: protoMessage({ uuid: eveUuid, version: text }),
  displayname: text,
  fixedresources: resources.prefault({}),
  /** Of releases before there were volumes. */
  drives: z.array(z.unknown()).max(MAX_OF_APP).default([]),
  activate: z.boolean().default(false),
  interfaces: z.array(networkAdapter).max(MAX_OF_APP).default([]),
  /** Devices of the host. */
  adapters: z.array(z.unknown()).max(MAX_OF_APP).default([]),
  restart: operation,
  purge: operation,
  /** Base64: cloud-init's user data, or for containers `KEY=value` lines. A secret may stand in it. */
  userData: z.string().max(MAX_USER_DATA_CHARACTERS).default(''),
  /** User data that is encrypted for the device by its controller (`CipherBlock`). */
  cipherData: z.unknown().optional(),
  /** In the order in which they are given to the app: the first is its root. */
  volumeRefList: z.array(volumeRef).max(MAX_OF_APP).default([]),
  metaDataType: protoEnum(METADATA_TYPES).default('MetaDataDrive'),
  profileList: z.array(z.string()).max(MAX_OF_APP).default([]),
  /** Only when the device has just booted. */
  startDelayInSeconds: z.int().min(0).default(0),
  service: z.boolean().default(false),
  snapshot: z.unknown().optional(),
  patchRef: z.unknown().optional(),
  /** Ours, which EVE leaves alone. */
  localDatastore: z.unknown().optional(),
});
export type AppInstance = z.infer<typeof appInstanceSchema>;
/** As it is written to JSON. */
export type AppInstanceJson = z.input<typeof appInstanceSchema>;
