import { readConfigDocument } from '@local-datastore/shared/eve/config-document';
import { type ContentTree, contentTreeSchema } from '@local-datastore/shared/eve/content-tree';
import type { ConfigFragment, DeviceConfig } from '@local-datastore/shared/eve/device-config';
import { readDeviceConfig } from '@local-datastore/shared/eve/device-config';
import * as z from 'zod';

/** A configuration with what it was read from. */
export interface SourcedConfiguration {
  /** A file, a folder, or `api`; null: not known. */
  readonly source: string | null;
  /** Their entries as they came, also those that cannot be used. */
  readonly fragments: readonly ConfigFragment[];
  readonly config: DeviceConfig;
}

/** What stands beside the two lists. Of an older version nothing does. */
const besideSchema = z.looseObject({
  source: z.string().nullable().catch(null),
  /** How many entries of each list are of which fragment, in their order. */
  fragments: z
    .array(z.object({ name: z.string(), datastores: z.int().min(0), contentInfo: z.int().min(0) }))
    .catch([]),
  kept: z.array(contentTreeSchema).catch([]),
});

/**
 * Trees whose new entry cannot be used stay as they were: a slip of the pen in one field is no wish to be rid of
 * the image.
 */
export function keepUnreadTrees(config: DeviceConfig, before: readonly ContentTree[]): DeviceConfig {
  const ids = new Set(config.unusableTrees.map(({ id }) => id));
  const kept = before.filter(({ uuid }) => ids.has(uuid.toLowerCase()));
  return kept.length === 0 ? config : { ...config, contentInfo: [...config.contentInfo, ...kept] };
}

/**
 * As it is stored: the lists of a device configuration, as any version reads them, and beside them who said what.
 */
export function storedDocument({ source, fragments, config }: SourcedConfiguration): object {
  const unread = new Set(config.unusableTrees.map(({ id }) => id));
  return {
    datastores: fragments.flatMap(({ lists }) => lists.datastores),
    contentInfo: fragments.flatMap(({ lists }) => lists.contentInfo),
    source,
    fragments: fragments.map(({ name, lists: { datastores, contentInfo } }) => ({
      name,
      datastores: datastores.length,
      contentInfo: contentInfo.length,
    })),
    kept: config.contentInfo.filter(({ uuid }) => unread.has(uuid.toLowerCase())),
  };
}

/** @returns why it cannot be read, as a text */
export function readStoredDocument(document: unknown): SourcedConfiguration | string {
  const read = readConfigDocument(document);
  if (!read.isConfig) return read.message;
  const { source, fragments: counts, kept } = besideSchema.parse(document);
  const [datastores, contentInfo] = [[...read.lists.datastores], [...read.lists.contentInfo]];
  const fragments = counts.map((count) => ({
    name: count.name,
    lists: {
      datastores: datastores.splice(0, count.datastores),
      contentInfo: contentInfo.splice(0, count.contentInfo),
    },
  }));
  // What nobody claims: all of it, where an older version stored it.
  if (datastores.length > 0 || contentInfo.length > 0)
    fragments.push({ name: '', lists: { datastores, contentInfo } });
  return { source, fragments, config: keepUnreadTrees(readDeviceConfig(fragments), kept) };
}
