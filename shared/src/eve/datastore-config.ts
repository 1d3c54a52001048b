// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { eveUuid } from './eve-uuid.ts';
import { protoBytes, protoEnum } from './proto-json.ts';

/** EVE's `DsType`, in the order of its numbers. */
export const DS_TYPES = [
  'DsUnknown',
  'DsHttp',
  'DsHttps',
  'DsS3',
  'DsSFTP',
  'DsContainerRegistry',
  'DsAzureBlob',
  'DsGoogleStorage',
] as const;
export type DsType = (typeof DS_TYPES)[number];

/** PEM as it stands in a file (RFC 7468), where somebody pasted it in place of its base64. */
const pemText = z
  .string()
  .regex(/-----BEGIN /)
  // Beside the certificates there may be words of any language, which nobody reads.
  .transform((text) => btoa(text.replace(/\P{ASCII}/gu, '?')));

/** EVE's `DatastoreConfig` (`datastores[]` of a device's configuration), in protobuf's JSON mapping. */
export const datastoreConfigSchema = z.object({
  id: eveUuid,
  dType: protoEnum(DS_TYPES).default('DsUnknown'),
  /** With the scheme; a port switches EVE's look-up of `.local` names off, a path is dropped. */
  fqdn: z.string().default(''),
  apiKey: z.string().optional(),
  password: z.string().optional(),
  /** The folder between host and relative URL. */
  dpath: z.string().default(''),
  region: z.string().optional(),
  /** The credential, encrypted for the device by its controller (`CipherBlock`). */
  cipherData: z.unknown().optional(),
  /** Base64 of PEM (`bytes`); they replace the system's roots. */
  dsCertPEM: z
    .array(z.union([pemText, protoBytes], { error: 'base64 of PEM, or PEM, expected' }))
    .max(100)
    .optional(),
});
export type DatastoreConfig = z.infer<typeof datastoreConfigSchema>;
/** As it is written to JSON. */
export type DatastoreConfigJson = z.input<typeof datastoreConfigSchema>;
