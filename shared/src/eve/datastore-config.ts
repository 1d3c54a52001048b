import * as z from 'zod';
import { eveUuid } from './eve-uuid.ts';
import { protoEnum } from './proto-json.ts';

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

/** EVE's `DatastoreConfig` (`datastores[]` of a device's configuration), in protobuf's JSON mapping. */
export const datastoreConfigSchema = z.looseObject({
  id: eveUuid,
  dType: protoEnum(DS_TYPES),
  /** With the scheme; a port switches EVE's look-up of `.local` names off, a path is dropped. */
  fqdn: z.string(),
  apiKey: z.string().optional(),
  password: z.string().optional(),
  /** The folder between host and relative URL. */
  dpath: z.string().default(''),
  region: z.string().optional(),
  /** Base64 of PEM (`bytes`); they replace the system's roots. */
  dsCertPEM: z.array(z.base64()).optional(),
});
export type DatastoreConfig = z.infer<typeof datastoreConfigSchema>;
/** As it is written to JSON. */
export type DatastoreConfigJson = z.input<typeof datastoreConfigSchema>;
