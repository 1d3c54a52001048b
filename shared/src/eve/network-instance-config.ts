// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { eveUuid } from './eve-uuid.ts';
import { protoMessage } from './proto-json.ts';

/** EVE's `ZNetworkInstType` by number, and the spellings that its releases have had. */
const TYPES: ReadonlyMap<string | number, string> = new Map([
  [0, 'first'],
  [1, 'switch'],
  [2, 'local'],
  [3, 'cloud'],
  [4, 'mesh'],
  [5, 'honeypot'],
  [6, 'transparent'],
  [255, 'last'],
]);
const TYPE_NAMES = new Set(TYPES.values());

export type NetworkInstanceType =
  | 'first'
  | 'switch'
  | 'local'
  | 'cloud'
  | 'mesh'
  | 'honeypot'
  | 'transparent'
  | 'last';

/** `ZnetInstLocal`, `ZNetInstLocal`, 2 → `local` */
const networkInstanceType = z
  .union([z.string(), z.int()])
  .transform((value) =>
    typeof value === 'number' ? TYPES.get(value) : value.replace(/^znetinst/i, '').toLowerCase(),
  )
  .refine((name): name is NetworkInstanceType => name !== undefined && TYPE_NAMES.has(name), {
    error: 'a type of network instance expected, such as ZnetInstLocal',
  });

/**
 * The part of EVE's `NetworkInstanceConfig` (`networkInstances[]` of a device's configuration) that says which
 * bridge an app is attached to. That EVE made the bridge is left to EVE, or to whoever set this host up.
 */
export const networkInstanceConfigSchema = z.object({
  uuidandversion: protoMessage({ uuid: eveUuid, version: z.string().default('') }),
  displayname: z.string().default(''),
  instType: networkInstanceType.default('first'),
  activate: z.boolean().default(false),
  ip: protoMessage({
    subnet: z.string().default(''),
    gateway: z.string().default(''),
  }).optional(),
  /** Ours, which EVE leaves alone. */
  localDatastore: protoMessage({
    /** The name of the kernel's bridge on this host, such as `bn1`. */
    bridge: z
      .string()
      .regex(/^[A-Za-z0-9_.-]{1,15}$/, { error: 'the name of a bridge expected' })
      .optional(),
  }).optional(),
});
export type NetworkInstanceConfig = z.infer<typeof networkInstanceConfigSchema>;
