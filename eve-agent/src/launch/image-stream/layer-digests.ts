// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { CompressionError } from '@local-datastore/shared/compression/compression-error';
import type { Compression } from '@local-datastore/shared/compression/compression-of';
import { unpack } from '@local-datastore/shared/compression/unpack';
import { errorMessage } from '@local-datastore/shared/errors';
import type { OciAlgorithm } from '@local-datastore/shared/oci/digest';
import { type Budget, UNPACK_LIMITS } from './budget.ts';
import { createHandOver } from './hand-over.ts';

/** What was found of content that may be a layer. */
export interface FoundDigests {
  /** Of the bytes as they came, as hexadecimal digits; undefined: nobody asked. */
  readonly storedHex: string | undefined;
  /** Of what is unpacked: `sha256:…`; undefined where it cannot be. */
  readonly diffId: string | undefined;
  /** Why it cannot be unpacked. */
  readonly problem: string | undefined;
  readonly unpackedBytes: number;
}

/** Reads content along that may be a layer. */
export interface LayerDigests {
  /** @throws what the budget throws */
  update(piece: Uint8Array): Promise<void>;
  /** @throws what the budget throws */
  finish(): Promise<FoundDigests>;
  /** Nobody wants to know any more. */
  stop(): void;
}

export interface LayerDigestsOptions {
  /** Of the bytes as they come; undefined: that digest is not wanted. */
  readonly stored: OciAlgorithm | undefined;
  readonly compression: Compression | undefined;
  readonly budget: Pick<Budget, 'addUnpacked'>;
}

/** Content as it is: both digests are of the same bytes. */
function plainDigests({ stored, budget }: LayerDigestsOptions): LayerDigests {
  const diff = createHash('sha256');
  const other = stored === 'sha512' ? createHash(stored) : undefined;
  let unpackedBytes = 0;
  return {
    async update(piece) {
      unpackedBytes += piece.length;
      budget.addUnpacked(piece.length);
      diff.update(piece);
      other?.update(piece);
    },
    async finish() {
      const hex = diff.digest('hex');
      const storedHex = stored && (other?.digest('hex') ?? hex);
      return { storedHex, diffId: `sha256:${hex}`, problem: undefined, unpackedBytes };
    },
    stop() {},
  };
}

export function createLayerDigests(options: LayerDigestsOptions): LayerDigests {
  const { stored, compression, budget } = options;
  if (compression === undefined) return plainDigests(options);
  const raw = stored && createHash(stored);
  const diff = createHash('sha256');
  const packed = createHandOver();
  let unpackedBytes = 0;
  let failure: { readonly error: unknown } | undefined;
  async function readUnpacked(as: Compression): Promise<void> {
    try {
      for await (const piece of unpack(packed.content, as, UNPACK_LIMITS)) {
        unpackedBytes += piece.length;
        budget.addUnpacked(piece.length);
        diff.update(piece);
      }
    } catch (error) {
      failure = { error };
    }
  }
  const reading = readUnpacked(compression);
  /** A layer that is damaged is told of where it is needed. */
  function throwUnlessDamaged(): void {
    if (failure !== undefined && !(failure.error instanceof CompressionError)) throw failure.error;
  }
  return {
    async update(piece) {
      raw?.update(piece);
      await packed.give(piece);
      throwUnlessDamaged();
    },
    async finish() {
      packed.end();
      await reading;
      throwUnlessDamaged();
      return {
        storedHex: raw?.digest('hex'),
        diffId: failure === undefined ? `sha256:${diff.digest('hex')}` : undefined,
        problem: failure && errorMessage(failure.error),
        unpackedBytes,
      };
    },
    stop: () => packed.end(),
  };
}
