// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { eveUuid } from './eve-uuid.ts';
import { protoEnum, protoInt64, protoUint64 } from './proto-json.ts';

/** EVE's `Format`, in the order of its numbers. */
export const FORMATS = [
  'FmtUnknown',
  'RAW',
  'QCOW',
  'QCOW2',
  'VHD',
  'VMDK',
  'OVA',
  'VHDX',
  'CONTAINER',
  'ISO',
  'PVC',
] as const;
export type Format = (typeof FORMATS)[number];

const MAX_DATASTORES_OF_TREE = 100;

/**
 * EVE's `ContentTree` (`contentInfo[]` of a device's configuration), in protobuf's JSON mapping: what is left out
 * there is 0 or ''.
 */
export const contentTreeSchema = z.object({
  uuid: eveUuid,
  /** The one datastore of old configurations. */
  dsId: z.string().optional(),
  /** Datastores, the next one where one fails. */
  dsIdsList: z.array(z.string()).max(MAX_DATASTORES_OF_TREE).default([]),
  /** Relative: comes after the datastore's `fqdn` and `dpath`. */
  URL: z.string().default(''),
  iformat: protoEnum(FORMATS).default('FmtUnknown'),
  /** Only an image of a container registry may lack it. */
  sha256: z
    .string()
    .regex(/^([0-9a-fA-F]{64})?$/, { error: '64 hexadecimal digits expected' })
    .default(''),
  /** The exact size: one byte off in either direction fails the download. 0: no size is known. */
  maxSizeBytes: protoUint64.default(0),
  displayName: z.string().optional(),
  generationCount: protoInt64.optional(),
});
export type ContentTree = z.infer<typeof contentTreeSchema>;
/** As it is written to JSON. */
export type ContentTreeJson = z.input<typeof contentTreeSchema>;
