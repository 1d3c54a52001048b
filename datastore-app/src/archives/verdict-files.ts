// SPDX-License-Identifier: Apache-2.0
import { readdir, readFile, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { systemErrorCode } from '@local-datastore/shared/errors';
import { writeDurably } from '@local-datastore/shared/files/durable-file';
import { makeFolder } from '@local-datastore/shared/files/make-folder';
import { formatDigest, type OciDigest, parseOciDigest } from '@local-datastore/shared/oci/digest';
import * as z from 'zod';
import type { ArchiveView } from '../formats/container/archive-view.ts';

/** What reading an archive has come to. It is of the content alone, and so holds for every file that has it. */
export type ArchiveVerdict =
  | { readonly kind: 'view'; readonly view: ArchiveView }
  /** @property reason why it cannot be offered as it is, as a sentence */
  | { readonly kind: 'none'; readonly reason: string };

/** Remembers over restarts what archives hold, so that they need not be read again. */
export interface VerdictFiles {
  /** undefined: nothing is remembered that can be read. */
  load(sha256: string): Promise<ArchiveVerdict | undefined>;
  save(sha256: string, verdict: ArchiveVerdict): Promise<void>;
  /** Forgets all others. */
  keepOnly(sha256s: ReadonlySet<string>): Promise<void>;
}

const FOLDER = 'archives';
const FILE_NAME = /^([0-9a-f]{64})\.json(?:\.new)?$/;

const DIGEST = z.string().transform((text, context): OciDigest => {
  const digest = parseOciDigest(text);
  if (digest !== undefined) return digest;
  context.addIssue('no digest');
  return z.NEVER;
});
const PLACE = { offset: z.number().int().nonnegative(), sizeBytes: z.number().int().nonnegative() };
const VERDICT = z.discriminatedUnion('kind', [
  z.object({ version: z.literal(1), kind: z.literal('none'), reason: z.string() }),
  z.object({
    version: z.literal(1),
    kind: z.literal('view'),
    form: z.enum(['docker-archive', 'oci-archive']),
    images: z.array(z.object({ names: z.array(z.string()), digest: DIGEST })),
    manifests: z.array(
      z.object({
        digest: DIGEST,
        mediaType: z.string(),
        bytes: z.base64().transform((text) => Buffer.from(text, 'base64')),
      }),
    ),
    blobs: z.array(z.object({ ...PLACE, digest: DIGEST })),
  }),
]);

function documentOf(verdict: ArchiveVerdict): object {
  if (verdict.kind === 'none') return { version: 1, ...verdict };
  const { form, images, manifests, blobs } = verdict.view;
  const withDigest = <T extends { readonly digest: OciDigest }>(each: T) => ({
    ...each,
    digest: formatDigest(each.digest),
  });
  return {
    version: 1,
    kind: 'view',
    form,
    images: images.map(withDigest),
    manifests: manifests.map((each) => ({ ...withDigest(each), bytes: each.bytes.toString('base64') })),
    blobs: blobs.map(withDigest),
  };
}

function parseVerdict(text: string): ArchiveVerdict | undefined {
  try {
    const { version: _version, ...parsed } = VERDICT.parse(JSON.parse(text));
    if (parsed.kind === 'none') return parsed;
    const { kind, ...view } = parsed;
    return { kind, view };
  } catch {
    return undefined;
  }
}

/** @param stateDirectory where the datastore keeps what it can find out again */
export function createVerdictFiles({ stateDirectory }: { readonly stateDirectory: string }): VerdictFiles {
  const folder = join(stateDirectory, FOLDER);
  const fileOf = (sha256: string) => join(folder, `${sha256}.json`);

  return {
    async load(sha256) {
      try {
        return parseVerdict(await readFile(fileOf(sha256), 'utf8'));
      } catch (error) {
        if (systemErrorCode(error) === 'ENOENT') return undefined;
        throw error;
      }
    },

    async save(sha256, verdict) {
      await makeFolder(folder, 0o700);
      await writeDurably(fileOf(sha256), `${JSON.stringify(documentOf(verdict))}\n`);
    },

    async keepOnly(sha256s) {
      const names = await readdir(folder).catch((error) => {
        if (systemErrorCode(error) === 'ENOENT') return [];
        throw error;
      });
      for (const name of names) {
        const [, sha256] = FILE_NAME.exec(name) ?? [];
        if (sha256 === undefined || sha256s.has(sha256)) continue;
        await unlink(join(folder, name)).catch((error) => {
          if (systemErrorCode(error) !== 'ENOENT') throw error;
        });
      }
    },
  };
}
