// SPDX-License-Identifier: Apache-2.0
import type { Manifest, Tag } from '../api/registry-answers.ts';

/** What stock EVE can do with what a tag leads to. */
export type EveUse =
  | {
      /** A disk that was pushed as an artifact: its one layer is a flat file. */
      readonly kind: 'flat-file';
      readonly sha256: string;
      readonly sizeBytes: number;
      /** Below the datastore. */
      readonly path: string;
      /** As who pushed it says. */
      readonly fileName: string | undefined;
    }
  | { readonly kind: 'container' }
  /** @property reason as a sentence */
  | { readonly kind: 'unusable'; readonly reason: string };

const TITLE = 'org.opencontainers.image.title';
const SHA256 = 'sha256:';

/** @param manifest of the tag; undefined: not of an artifact, so that it does not matter */
export function eveUseOf(repository: string, tag: Tag, manifest: Manifest | undefined): EveUse {
  if (tag.kind !== 'artifact') return { kind: 'container' };
  const [layer, ...others] = manifest?.layers ?? [];
  if (layer === undefined) {
    return { kind: 'unusable', reason: 'This artifact holds no file that a device could start from.' };
  }
  if (others.length > 0) {
    return {
      kind: 'unusable',
      reason: `This artifact has ${others.length + 1} layers. EVE can take a disk from here only as the one layer of an artifact.`,
    };
  }
  if (!layer.digest.startsWith(SHA256)) {
    return { kind: 'unusable', reason: 'EVE knows sha256 alone, and this was pushed by another digest.' };
  }
  return {
    kind: 'flat-file',
    sha256: layer.digest.slice(SHA256.length),
    sizeBytes: layer.size,
    path: `v2/${repository}/blobs/${layer.digest}`,
    fileName: layer.annotations?.[TITLE],
  };
}
