// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { lstat, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeDurably } from '@local-datastore/shared/files/durable-file';
import { makeFolder } from '@local-datastore/shared/files/make-folder';
import { formatDigest, type OciDigest, parseOciDigest } from '@local-datastore/shared/oci/digest';
import { createTurns } from '@local-datastore/shared/turns';
import * as z from 'zod';

/** What a tag led to, when it was asked for last. */
export interface KnownTag {
  readonly digest: OciDigest;
  /** Milliseconds since the epoch. */
  readonly atMs: number;
}

/** The last known answer for each tag, for the time when nobody answers. */
export interface TagMemory {
  open(): Promise<void>;
  /** @param name of a repository, with its host. @returns null: it was never asked for */
  find(name: string, tag: string): Promise<KnownTag | null>;
  /** It is on the disk when this returns; what cannot be written is not remembered. */
  note(name: string, tag: string, digest: OciDigest): Promise<void>;
}

const VERSION = 1;
const RECORD = z.object({
  version: z.literal(VERSION),
  name: z.string(),
  tags: z.record(z.string(), z.object({ digest: z.string(), atMs: z.number() })),
});
const MAX_TAGS = 1000;
const MAX_REPOSITORIES = 5000;
const MAX_RECORD_BYTES = 1024 * 1024;
/** As long as the digest stays, the time need not be exact. */
const REFRESH_MS = 60_000;
const FILE = /^[0-9a-f]{64}\.json$/;

type Tags = z.infer<typeof RECORD>['tags'];

/** @param wallMs milliseconds since the epoch */
export function createTagMemory(folder: string, wallMs: () => number): TagMemory {
  const pathOf = (name: string) => join(folder, `${createHash('sha256').update(name).digest('hex')}.json`);
  const turns = createTurns();

  async function read(name: string): Promise<Tags> {
    try {
      const path = pathOf(name);
      if ((await lstat(path)).size > MAX_RECORD_BYTES) return {};
      const record = RECORD.parse(JSON.parse(await readFile(path, 'utf8')));
      return record.name === name ? record.tags : {};
    } catch {
      // Absent, or damaged: then nothing is remembered.
      return {};
    }
  }

  /** Makes room for one more repository. */
  async function forgetOldest(): Promise<void> {
    const names = (await readdir(folder)).filter((name) => FILE.test(name));
    if (names.length < MAX_REPOSITORIES) return;
    const files = await Promise.all(
      names.map(async (name) => ({ name, atMs: (await lstat(join(folder, name))).mtimeMs })),
    );
    files.sort((left, right) => left.atMs - right.atMs);
    for (const { name } of files.slice(0, names.length - MAX_REPOSITORIES + 1))
      await rm(join(folder, name), { force: true });
  }

  async function write(name: string, tag: string, digest: OciDigest): Promise<void> {
    const tags = await read(name);
    const known = tags[tag];
    const atMs = wallMs();
    if (known?.digest === formatDigest(digest) && Math.abs(atMs - known.atMs) < REFRESH_MS) return;
    const others = Object.entries(tags).filter(([each]) => each !== tag);
    others.sort(([, left], [, right]) => right.atMs - left.atMs);
    const kept = Object.fromEntries(others.slice(0, MAX_TAGS - 1));
    if (Object.keys(tags).length === 0) await forgetOldest();
    const record = {
      version: VERSION,
      name,
      tags: { ...kept, [tag]: { digest: formatDigest(digest), atMs } },
    };
    await writeDurably(pathOf(name), JSON.stringify(record));
  }

  return {
    async open() {
      await makeFolder(folder);
    },
    async find(name, tag) {
      const tags = await read(name);
      const known = Object.hasOwn(tags, tag) ? tags[tag] : undefined;
      const digest = known && parseOciDigest(known.digest);
      return known === undefined || digest === undefined ? null : { digest, atMs: known.atMs };
    },
    async note(name, tag, digest) {
      await turns.take(() => write(name, tag, digest));
    },
  };
}
