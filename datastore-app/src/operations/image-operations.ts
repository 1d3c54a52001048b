// SPDX-License-Identifier: Apache-2.0
import type { Digest } from '@local-datastore/shared/digest/digest';
import type { OciDigest } from '@local-datastore/shared/oci/digest';
import type { WantedPlatform } from '@local-datastore/shared/oci/platform';
import type { ImportCaller } from '../archive-imports/import-staging.ts';
import type { ExportForm } from '../archives/export-image.ts';
import type { ByteSource } from '../content/byte-source.ts';
import { type Defect, FILE_FORMAT_NAMES, type Member } from '../formats/file-format.ts';
import type { FormatProblem } from '../formats/image-description.ts';
import type { ImageName } from './image-name.ts';
import type { OperationResult } from './operation-result.ts';

/** What operations know: the formats of files, and `oci`, repositories of the registry. */
export const OPERATION_FORMATS = [...FILE_FORMAT_NAMES, 'oci'] as const;
export type OperationFormat = (typeof OPERATION_FORMATS)[number];

/** Said of an image without reading all of it. */
export interface ImageFacts {
  readonly format: OperationFormat;
  readonly sizeBytes: number;
  /** Of a file 64 hexadecimal digits, null until it is hashed; of the registry `sha256:…` of the manifest. */
  readonly digest: string | null;
  readonly isReleased: boolean;
  /** Of a disk: what a guest sees; null: there is none, or its header does not say. */
  readonly virtualSizeBytes: number | null;
  /** What it is, in a word for people. */
  readonly content: string;
  readonly problems: readonly FormatProblem[];
  /** Of an archive: what stands in it. */
  readonly members: readonly Member[];
  /** Of a repository: its tags; of an image: those that lead to it. */
  readonly tags: readonly string[];
  /** Such as `linux/arm64`. */
  readonly platforms: readonly string[];
  /** Of an image of the registry: what is about it, such as signatures. */
  readonly referrers: readonly { readonly digest: string; readonly artifactType: string | null }[];
  /** Of a repository: `pushed`, `archive` or `upstream`. */
  readonly origin: string | null;
}

export interface Validation {
  readonly format: OperationFormat;
  /** What was compared, in words such as `content`, `sha256`, `qemu-img`. */
  readonly checks: readonly string[];
  readonly checkedBytes: number;
  /** None: it is sound. */
  readonly defects: readonly (Defect | { readonly code: string; readonly message: string })[];
}

export interface HashUpdate {
  readonly digest: string;
  /** What it was known to have; null: it was not known. */
  readonly before: string | null;
  readonly isDifferent: boolean;
  readonly sizeBytes: number;
  /** Of an image of the registry: of its topmost layer. */
  readonly topLayerBytes: number | null;
}

/** What is to become an image: content for a file; for a repository a manifest that is there already, or an archive. */
export type NewContent =
  | {
      readonly kind: 'bytes';
      readonly content: AsyncIterable<Uint8Array>;
      readonly sizeBytes?: number | undefined;
      readonly digests?: readonly Digest[] | undefined;
      readonly replace: boolean;
    }
  | { readonly kind: 'manifest'; readonly digest: OciDigest; readonly by?: string | undefined }
  | {
      readonly kind: 'archive';
      readonly content: AsyncIterable<Uint8Array>;
      /** Of an index: these alone; none: all that the archive has. */
      readonly platforms: readonly WantedPlatform[];
      readonly caller: ImportCaller;
    };

export interface Created {
  readonly image: string;
  readonly digest: string;
  /** Of the registry: the number of the version, or the tag that was asked for. */
  readonly version: string | null;
  /** What a person should know, as sentences. */
  readonly notices?: readonly string[];
}

export interface ExportWish {
  /** Of an image of the registry. */
  readonly form?: ExportForm | undefined;
  readonly platform?: WantedPlatform | undefined;
  readonly name?: string | undefined;
}

/** Whoever has it closes the source. */
export interface Exported {
  readonly source: ByteSource;
  readonly fileName: string;
  readonly contentType: string;
  /** Strong: of exactly these bytes. */
  readonly entityTag: string;
}

/** What was done, or what would be where nothing is to be changed. */
export interface Change {
  readonly isDone: boolean;
  /** The whole in plain words: what goes, what stays. */
  readonly sentences: readonly string[];
  /** Of a removal: what comes free; of the registry at most, and once it is collected. */
  readonly freedBytes?: number;
}

export interface ChangeWish {
  /** It is only said what would happen. */
  readonly dryRun?: boolean | undefined;
  /** Also where something else needs it. */
  readonly force?: boolean | undefined;
  /** Of the registry: the tag alone goes, and the image stays. */
  readonly tagOnly?: boolean | undefined;
}

/** What can be done with images of one format. Everything expected is a value; nothing is remembered in between. */
export interface ImageOperations<Name extends ImageName = ImageName> {
  describe(name: Name): Promise<OperationResult<ImageFacts>>;
  /** Reads it whole, and compares it with everything that it says of itself. */
  validate(name: Name, signal: AbortSignal): Promise<OperationResult<Validation>>;
  /** Reads it again, and says whether its digest is another than was known. */
  updateHash(name: Name, signal: AbortSignal): Promise<OperationResult<HashUpdate>>;
  create(name: Name, content: NewContent): Promise<OperationResult<Created>>;
  /** As create, of content whose digest is known; of the registry from an archive that holds one image. */
  import(name: Name, content: NewContent): Promise<OperationResult<Created>>;
  export(name: Name, wish: ExportWish): Promise<OperationResult<Exported>>;
  /** A disk in it as a flat file. @param disk its name; undefined: the only one */
  extract(name: Name, disk: string | undefined): Promise<OperationResult<Exported>>;
  /** Keeps it as it is, or lets it go. */
  release(name: Name, isReleased: boolean): Promise<OperationResult<Change>>;
  /** Removes one version of it. */
  remove(name: Name, wish: ChangeWish): Promise<OperationResult<Change>>;
  /** Removes it with all its versions. */
  purge(name: Name, wish: ChangeWish): Promise<OperationResult<Change>>;
  rename(name: Name, to: string, wish: ChangeWish): Promise<OperationResult<Change>>;
}

export const OPERATIONS = [
  'describe',
  'validate',
  'updateHash',
  'create',
  'import',
  'export',
  'extract',
  'release',
  'remove',
  'purge',
  'rename',
] as const satisfies readonly (keyof ImageOperations)[];
export type OperationName = (typeof OPERATIONS)[number];
