// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { eveUuid } from './eve-uuid.ts';
import { protoEnum, protoInt64, protoMessage, protoUint64 } from './proto-json.ts';

/** EVE's `VolumeContentOriginType`, in the order of its numbers. */
export const VOLUME_ORIGINS = ['VCOT_UNKNOWN', 'VCOT_BLANK', 'VCOT_DOWNLOAD'] as const;

/**
 * EVE's `Volume` (`volumes[]` of a device's configuration), in protobuf's JSON mapping: what an app can write to,
 * blank or made of a content tree.
 */
export const volumeSchema = z.object({
  uuid: eveUuid,
  origin: protoMessage({
    type: protoEnum(VOLUME_ORIGINS).default('VCOT_UNKNOWN'),
    /** The uuid of a content tree; '' for a blank volume. */
    downloadContentTreeID: z.string().default(''),
  }),
  /** A volume is made anew where this changes. */
  generationCount: protoInt64.default(0),
  /** 0: as large as its content. */
  maxsizebytes: protoUint64.default(0),
  readonly: z.boolean().default(false),
  displayName: z.string().default(''),
  /** It is encrypted on EVE unless this is set; here nothing is. */
  clearText: z.boolean().default(false),
});
export type Volume = z.infer<typeof volumeSchema>;
/** As it is written to JSON. */
export type VolumeJson = z.input<typeof volumeSchema>;
