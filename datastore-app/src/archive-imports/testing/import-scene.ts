// SPDX-License-Identifier: Apache-2.0
/** A registry in a folder of its own, and imports into it. */
import { parsePlatform } from '@local-datastore/shared/oci/platform';
import type { RegistryAction } from '../../access/registry-policy.ts';
import type { RegistryReader } from '../../archives/archive-registry.ts';
import { joinRegistry } from '../../archives/joined-registry.ts';
import { createTestRegistry, type TestRegistry } from '../../blobs/testing/test-registry.ts';
import type { NewChange } from '../../changes/change.ts';
import type { FileParser } from '../../parsing/file-parser.ts';
import { ownParser } from '../../parsing/run-task.ts';
import type { ImportReport } from '../import-report.ts';
import { createImporter, type Importer } from '../importer.ts';
import { parseWantedName } from '../wanted-name.ts';

const NO_ARCHIVES: RegistryReader = {
  statBlob: async () => undefined,
  openBlob: async () => undefined,
  readManifest: async () => undefined,
  statManifest: async () => undefined,
  listTags: async () => undefined,
  listReferrers: async () => [],
  listRepositories: async () => ({ names: [], isMore: false }),
};

export interface ImportOptions {
  readonly name?: string;
  readonly platforms?: readonly string[];
  readonly subject?: string;
  readonly client?: string;
  /** What it may; unless said: everything. */
  readonly may?: (action: RegistryAction, repository: string) => boolean;
}

export interface ImportScene {
  readonly test: TestRegistry;
  importer(): Importer;
  /** What it told of. */
  readonly told: readonly NewChange[];
  /** Imports an archive that comes in pieces of an odd size. */
  import(archive: Buffer, options?: ImportOptions): Promise<ImportReport>;
  /** What a client sees: tags by repository, each with its digest. */
  shown(): Promise<Record<string, Record<string, string>>>;
  remove(): Promise<void>;
}

export async function* inPieces(content: Buffer, pieceBytes = 1000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < content.length; at += pieceBytes) yield content.subarray(at, at + pieceBytes);
}

export async function createImportScene(
  given: Parameters<typeof createTestRegistry>[0] = {},
  parser: FileParser = ownParser,
): Promise<ImportScene> {
  const test = await createTestRegistry(given);
  // After a restart there is another registry.
  const told: NewChange[] = [];
  const importer = () =>
    createImporter({
      ...{ note: (change: NewChange) => told.push(change), registry: test.registry },
      shown: joinRegistry(test.registry, NO_ARCHIVES),
      parser,
    });
  return {
    test,
    importer,
    told,
    async import(archive, options = {}) {
      const { name, platforms = [], may = () => true } = options;
      const { subject = 'admin', client = '192.0.2.1' } = options;
      const parsed = name === undefined ? undefined : parseWantedName(name);
      if (parsed?.kind === 'invalid') throw new Error(parsed.reason);
      const wanted = platforms.map((each) => {
        const platform = parsePlatform(each);
        if (platform === null) throw new Error(`${each} is no platform`);
        return platform;
      });
      return importer().importArchive(
        inPieces(archive),
        { name: parsed, platforms: wanted },
        { subject, client, may },
      );
    },
    async shown() {
      const all: Record<string, Record<string, string>> = {};
      const { names } = await test.registry.listRepositories({ limit: 1000, isVisible: () => true });
      for (const name of names) {
        const tags = test.registry.recordOf(name)?.tags ?? new Map();
        all[name] = Object.fromEntries([...tags].map(([tag, { digest }]) => [tag, digest]));
      }
      return all;
    },
    remove: test.remove,
  };
}
