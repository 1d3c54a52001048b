// SPDX-License-Identifier: Apache-2.0
import type { Descriptor } from '@local-datastore/shared/oci/descriptor';
import type { OciDigest } from '@local-datastore/shared/oci/digest';
import type { SeenLayer } from './inventory.ts';

/** The image of an archive, all of it there. Its digests, but for those of its layers' content, are right. */
export interface FoundImage {
  readonly config: Buffer;
  readonly configDigest: OciDigest;
  readonly layers: readonly SeenLayer[];
  /** As whoever made it wrote it; undefined: the archive has none that engines can use. */
  readonly manifest: { readonly descriptor: Descriptor; readonly bytes: Buffer } | undefined;
}
