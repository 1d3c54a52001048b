// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { formatDigest, type OciDigest, parseOciDigest } from '@local-datastore/shared/oci/digest';
import type { RegistryReader } from '../archives/archive-registry.ts';
import type { RepositoryRecord } from '../blobs/repository-record.ts';
import type { ByteSource } from '../content/byte-source.ts';
import { sourceContent } from '../content/source-content.ts';

/** What reading a repository again came to. */
export interface RepositoryValidation {
  /** Manifests and blobs that were read. */
  readonly checked: number;
  readonly checkedBytes: number;
  readonly problems: readonly ValidationProblem[];
}

export const VALIDATION_PROBLEMS = ['missing', 'damaged', 'unreadable'] as const;

export interface ValidationProblem {
  readonly digest: string;
  /** `missing`: not here, or known to be damaged before. `unreadable`: the disk did not give it. */
  readonly problem: (typeof VALIDATION_PROBLEMS)[number];
}

export interface RepositoryValidationDeps {
  /** What is here. */
  readonly stored: Pick<RegistryReader, 'openBlob' | 'readManifest'>;
  /** Is told which blob has another content than its name says, so that nobody is given it. */
  noteDamaged(digest: string): void;
}

/** @throws errors of reading */
async function hexOf(source: ByteSource, algorithm: OciDigest['algorithm']): Promise<string> {
  const hash = createHash(algorithm);
  for await (const piece of sourceContent(source)) hash.update(piece);
  return hash.digest('hex');
}

/** Reads everything of a repository again, and compares it with its digests. Ends early once the signal aborts. */
export async function validateRepository(
  { stored, noteDamaged }: RepositoryValidationDeps,
  { name, manifests }: Pick<RepositoryRecord, 'name' | 'manifests'>,
  signal: AbortSignal,
): Promise<RepositoryValidation> {
  const problems: ValidationProblem[] = [];
  let checked = 0;
  let checkedBytes = 0;

  async function checkManifest(digest: OciDigest): Promise<void> {
    // It is compared with its digest whenever it is read.
    const manifest = await stored.readManifest(name, { digest });
    if (manifest === undefined) problems.push({ digest: formatDigest(digest), problem: 'missing' });
    else checkedBytes += manifest.bytes.length;
  }
  async function checkBlob(digest: OciDigest): Promise<void> {
    const blob = await stored.openBlob(name, digest);
    if (blob === undefined) {
      problems.push({ digest: formatDigest(digest), problem: 'missing' });
      return;
    }
    checkedBytes += blob.sizeBytes;
    const hex = await hexOf(blob.source, digest.algorithm)
      .catch(() => undefined)
      .finally(() => blob.source.close());
    if (hex === digest.hex) return;
    problems.push({ digest: formatDigest(digest), problem: hex === undefined ? 'unreadable' : 'damaged' });
    if (hex !== undefined) noteDamaged(formatDigest(digest));
  }

  const blobs = new Set(
    [...manifests.values()].flatMap((manifest) => manifest.blobs.map(({ digest }) => digest)),
  );
  const all = [...manifests.keys()].map((text) => [text, checkManifest] as const);
  for (const [text, check] of [...all, ...[...blobs].map((each) => [each, checkBlob] as const)]) {
    signal.throwIfAborted();
    const digest = parseOciDigest(text);
    if (digest === undefined) continue;
    await check(digest);
    checked += 1;
  }
  return { checked, checkedBytes, problems };
}
