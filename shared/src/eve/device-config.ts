// SPDX-License-Identifier: Apache-2.0
import { type AppConfig, readAppConfig } from './app-config.ts';
import { NO_LISTS } from './config-document.ts';
import {
  type ConfigFragment,
  type ConfigProblem,
  type Entry,
  type EntryKind,
  entryReader,
  readEntries,
  sortEntries,
  textIn,
  type UnusableEntry,
  uuidIn,
} from './config-entry.ts';
import { type ContentTree, contentTreeSchema } from './content-tree.ts';
import { type DatastoreConfig, datastoreConfigSchema } from './datastore-config.ts';

/** A datastore that cannot be read. Only the trees that name it are concerned. */
export interface UnusableDatastore {
  /** null: it has none that could be named. */
  readonly id: string | null;
  readonly problems: readonly ConfigProblem[];
}

/** A content tree that cannot be read. */
export interface UnusableTree extends UnusableEntry {
  readonly url: string;
}

/** The part of EVE's `EdgeDevConfig` that says which content a device needs, and what is to run of it. */
export interface DeviceConfig extends AppConfig {
  readonly datastores: readonly DatastoreConfig[];
  readonly contentInfo: readonly ContentTree[];
  readonly unusableDatastores: readonly UnusableDatastore[];
  readonly unusableTrees: readonly UnusableTree[];
}

const readDatastore = entryReader<DatastoreConfig>(datastoreConfigSchema, () => []);

/** What a content tree lacks that its schema cannot say. */
const readTree = entryReader<ContentTree>(
  contentTreeSchema,
  ({ sha256, iformat, URL: url, dsIdsList, dsId }) => {
    const problems = [];
    if (iformat === 'PVC') {
      problems.push({ field: 'iformat', message: 'a PVC is made on the device and cannot be downloaded' });
    } else if (sha256 === '' && iformat !== 'CONTAINER') {
      const message = '64 hexadecimal digits expected: only an image of a container registry may lack them';
      problems.push({ field: 'sha256', message });
    }
    if (url === '') problems.push({ field: 'URL', message: 'the file’s path in its datastore expected' });
    if (dsIdsList.length === 0 && (dsId ?? '') === '') {
      problems.push({ field: 'dsIdsList', message: 'the id of at least one datastore expected' });
    }
    return problems;
  },
);

/** The same datastore may stand in each of several fragments. Where they differ nobody knows which is right. */
function sortDatastores(entries: readonly Entry<DatastoreConfig>[]) {
  const first = new Map<string, { readonly path: string; readonly text: string }>();
  const datastores: DatastoreConfig[] = [];
  const unusableDatastores: UnusableDatastore[] = [];
  for (const { path, fields, item, problems } of entries) {
    if (item === null) {
      unusableDatastores.push({ id: uuidIn(fields.id), problems });
      continue;
    }
    const id = item.id.toLowerCase();
    const text = JSON.stringify(item);
    const known = first.get(id);
    if (known === undefined) {
      first.set(id, { path, text });
      datastores.push(item);
    } else if (known.text !== text) {
      const message = `${id} is the id of ${known.path} already, and that one counts`;
      unusableDatastores.push({ id: null, problems: [{ path: `${path}.id`, message }] });
    }
  }
  return { datastores, unusableDatastores };
}

const TREE: EntryKind<ContentTree> = {
  uuidField: 'uuid',
  uuidOf: ({ uuid }) => uuid,
  uuidIn: ({ uuid }) => uuid,
  nameIn: ({ displayName }) => displayName,
};

function sortTrees(entries: readonly Entry<ContentTree>[]) {
  const { usable, unusable } = sortEntries(entries, TREE);
  return {
    contentInfo: usable,
    unusableTrees: unusable.map(({ entry, fields }): UnusableTree => ({ ...entry, url: textIn(fields.URL) })),
  };
}

/**
 * Reads a device configuration, in one document or in several that are put together. Each entry is read on its
 * own: what is wrong with one is said of that one.
 */
export function readDeviceConfig(fragments: readonly ConfigFragment[]): DeviceConfig {
  return {
    ...sortDatastores(readEntries(fragments, 'datastores', readDatastore)),
    ...sortTrees(readEntries(fragments, 'contentInfo', readTree)),
    ...readAppConfig(fragments),
  };
}

export const EMPTY_DEVICE_CONFIG: DeviceConfig = readDeviceConfig([{ name: '', lists: NO_LISTS }]);
