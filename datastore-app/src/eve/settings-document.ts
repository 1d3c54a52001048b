// SPDX-License-Identifier: Apache-2.0
import type { ContentTreeJson, Format } from '@local-datastore/shared/eve/content-tree';
import type { DatastoreConfigJson, DsType } from '@local-datastore/shared/eve/datastore-config';
import type { FormatProblemCode } from '../formats/image-description.ts';

/** What stock EVE will not do with these settings. */
export interface EveWarning {
  readonly code:
    | FormatProblemCode
    | 'PORT_IN_FQDN'
    | 'FORMAT_NOT_USABLE'
    | 'HYBRID_ISO'
    | 'NAME_CONTRADICTS_FORMAT'
    | 'NOT_HASHED'
    | 'NOT_HERE_YET'
    | 'CORRUPT'
    | 'PERCENT_ENCODED'
    | 'NOT_ADVERTISED'
    | 'NOT_READY'
    | 'READ_CREDENTIAL'
    | 'EDEN_FORMAT'
    | 'EDEN_UNREACHABLE';
  /** A sentence for people, with the way out. */
  readonly message: string;
}

/** Everything that registers an image with a controller. */
export interface EveSettings {
  readonly datastore: {
    readonly dType: DsType;
    readonly fqdn: string;
    /** Empty: folders stand in the relative URL, so that one datastore serves all images. */
    readonly dpath: string;
    /** PEM: what goes into `dsCertPEM`; null where none is needed or known. */
    readonly certificatePem: string | null;
  };
  readonly content: {
    /** Relative, percent-encoded. */
    readonly url: string;
    readonly format: Format;
    /** null: not known yet. */
    readonly sha256: string | null;
    readonly maxSizeBytes: number;
  };
  /** The same for people, one setting a line. */
  readonly text: string;
  /** A part of a device's configuration, in protobuf's JSON mapping. */
  readonly deviceConfig: {
    readonly datastores: readonly DatastoreConfigJson[];
    readonly contentInfo: readonly ContentTreeJson[];
  };
  /** For a shell. */
  readonly edenCommand: string;
  readonly warnings: readonly EveWarning[];
}
