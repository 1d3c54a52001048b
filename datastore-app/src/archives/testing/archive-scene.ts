// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '@local-datastore/shared/log';
import { type ByteSource, createSourceReader } from '../../content/byte-source.ts';
import { versionOf } from '../../content/file-version.ts';
import { createHasher } from '../../content/hasher.ts';
import { createImageOpener } from '../../images/open-image.ts';
import type { FileParser } from '../../parsing/file-parser.ts';
import { ownParser } from '../../parsing/run-task.ts';
import { createArchiveRegistry, type RegistryReader } from '../archive-registry.ts';
import { createArchives } from '../archives.ts';
import { readArchive } from '../read-archive.ts';
import { createVerdictFiles } from '../verdict-files.ts';

/** A root with archives, and what a registry shows of it. */
export interface ArchiveScene {
  readonly root: string;
  readonly stateDirectory: string;
  /** Looks at what the root has now. */
  openRegistry(): Promise<RegistryReader>;
  remove(): Promise<void>;
}

export async function createArchiveScene(
  archives: Readonly<Record<string, Buffer>>,
  parser: FileParser = ownParser,
): Promise<ArchiveScene> {
  const root = await mkdtemp(join(tmpdir(), 'archives-'));
  const stateDirectory = join(root, '.state');
  const hasher = createHasher();
  const openImage = createImageOpener(root);
  for (const [name, content] of Object.entries(archives)) await writeFile(join(root, name), content);

  return {
    root,
    stateDirectory,
    async openRegistry() {
      const paths = (await readdir(root)).filter((name) => !name.startsWith('.'));
      const containers = await Promise.all(
        paths.map(async (path) => ({
          path,
          version: versionOf(await stat(join(root, path), { bigint: true })),
          sha256: createHash('sha256')
            .update(await readFile(join(root, path)))
            .digest('hex'),
        })),
      );
      const ending = new AbortController();
      const known = createArchives({
        log: silentLog,
        containers: () => containers,
        revision: () => 1,
        read: (path, version) => readArchive({ openImage, hash: hasher.hash, parser }, path, version),
        files: createVerdictFiles({ stateDirectory }),
        wait: async () => ending.abort(),
      });
      await known.follow(ending.signal);
      return createArchiveRegistry({ archives: known, openImage });
    },
    async remove() {
      await hasher.stop();
      await rm(root, { recursive: true });
    },
  };
}

/** Reads a source to its end, and closes it. */
export async function bytesOf(source: ByteSource): Promise<Buffer> {
  const piece = Buffer.alloc(source.sizeBytes);
  await new Promise<void>((resolve, reject) => {
    createSourceReader(source).fill(piece, 0, (error) => (error === null ? resolve() : reject(error)));
  });
  source.close();
  return piece;
}
