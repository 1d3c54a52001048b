// SPDX-License-Identifier: Apache-2.0
import { type ConfigLists, NO_LISTS, readConfigDocument } from '@local-datastore/shared/eve/config-document';
import type { ConfigFragment } from '@local-datastore/shared/eve/config-entry';
import { type ContentTree, contentTreeSchema } from '@local-datastore/shared/eve/content-tree';
import type { DeviceConfig } from '@local-datastore/shared/eve/device-config';
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

const LIST_NAMES = Object.keys(NO_LISTS) as readonly (keyof ConfigLists)[];

/** Something of every list. */
const mapLists = <Value>(ofList: (name: keyof ConfigLists) => Value) =>
  Object.fromEntries(LIST_NAMES.map((name) => [name, ofList(name)])) as Record<keyof ConfigLists, Value>;

/** What stands beside the lists. Of an older version nothing does, or only some of the counts. */
const besideSchema = z.looseObject({
  source: z.string().nullable().catch(null),
  /** How many entries of each list are of which fragment, in their order. */
  fragments: z.array(z.object({ name: z.string(), ...mapLists(() => z.int().min(0).default(0)) })).catch([]),
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
    ...mapLists((list) => fragments.flatMap(({ lists }) => lists[list])),
    source,
    fragments: fragments.map(({ name, lists }) => ({ name, ...mapLists((list) => lists[list].length) })),
    kept: config.contentInfo.filter(({ uuid }) => unread.has(uuid.toLowerCase())),
  };
}

/** @returns why it cannot be read, as a text */
export function readStoredDocument(document: unknown): SourcedConfiguration | string {
  const read = readConfigDocument(document);
  if (!read.isConfig) return read.message;
  const { source, fragments: counts, kept } = besideSchema.parse(document);
  const rest = mapLists((list) => [...read.lists[list]]);
  const fragments: ConfigFragment[] = counts.map((count) => ({
    name: count.name,
    lists: mapLists((list) => rest[list].splice(0, count[list])),
  }));
  // What nobody claims: all of it, where an older version stored it.
  if (LIST_NAMES.some((list) => rest[list].length > 0)) fragments.push({ name: '', lists: rest });
  return { source, fragments, config: keepUnreadTrees(readDeviceConfig(fragments), kept) };
}
