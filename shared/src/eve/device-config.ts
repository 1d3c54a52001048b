import type * as z from 'zod';
import type { ConfigLists } from './config-document.ts';
import { type ContentTree, contentTreeSchema } from './content-tree.ts';
import { type DatastoreConfig, datastoreConfigSchema } from './datastore-config.ts';
import { eveUuid } from './eve-uuid.ts';
import { fieldReader } from './proto-json.ts';

/** One thing that is wrong with a device configuration. */
export interface ConfigProblem {
  /** Where, such as `contentInfo[2].sha256`, of a fragment with its name in front; '' for the document itself. */
  readonly path: string;
  readonly message: string;
}

/** A problem in one line. */
export const problemText = ({ path, message }: ConfigProblem): string =>
  path === '' ? message : `${path}: ${message}`;

/** A datastore that cannot be read. Only the trees that name it are concerned. */
export interface UnusableDatastore {
  /** null: it has none that could be named. */
  readonly id: string | null;
  readonly problems: readonly ConfigProblem[];
}

/** A content tree that cannot be read, and what can be said of it all the same. */
export interface UnusableTree {
  /** Its uuid where no other entry has that, else its place, such as `contentInfo[2]`. */
  readonly id: string;
  readonly displayName: string;
  readonly url: string;
  readonly problems: readonly ConfigProblem[];
}

/** The part of EVE's `EdgeDevConfig` that says which content a device needs. Other fields are left alone. */
export interface DeviceConfig {
  readonly datastores: readonly DatastoreConfig[];
  readonly contentInfo: readonly ContentTree[];
  readonly unusableDatastores: readonly UnusableDatastore[];
  readonly unusableTrees: readonly UnusableTree[];
}

export const EMPTY_DEVICE_CONFIG: DeviceConfig = {
  datastores: [],
  contentInfo: [],
  unusableDatastores: [],
  unusableTrees: [],
};

/** The lists of one document of a configuration; `name` stands in front of its paths, '' where there is only one. */
export interface ConfigFragment {
  readonly name: string;
  readonly lists: ConfigLists;
}

const MAX_PROBLEMS_OF_ENTRY = 10;
const MAX_SHOWN_CHARACTERS = 200;

/** The place in a fragment, with the fragment's name in front. */
export const placeOf = (name: string, path: string): string =>
  name === '' || path === '' ? `${name}${path}` : `${name}: ${path}`;

/** `['dsIdsList', 2]` → `.dsIdsList[2]` */
const pathText = (path: readonly PropertyKey[]): string =>
  path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`)).join('');

/** One entry of a list as it was read. */
interface Entry<Item> {
  readonly path: string;
  readonly fields: Readonly<Record<string, unknown>>;
  /** null: it cannot be used. */
  readonly item: Item | null;
  readonly problems: readonly ConfigProblem[];
}

/** Reads an entry on its own. @param judge what the schema cannot say */
function entryReader<Item>(
  schema: z.ZodObject & z.ZodType<Item>,
  judge: (item: Item) => readonly { readonly field: string; readonly message: string }[],
): (message: unknown, path: string) => Entry<Item> {
  const readFields = fieldReader(Object.keys(schema.shape));
  return (message, path) => {
    const named = readFields(message);
    const fields = named?.fields ?? {};
    const unusable = (problems: readonly ConfigProblem[]): Entry<Item> => ({
      ...{ path, fields, item: null },
      problems: problems.slice(0, MAX_PROBLEMS_OF_ENTRY),
    });
    if (named === null) return unusable([{ path, message: 'an object expected' }]);
    const repeated = named.repeated.map((field) => ({
      path: `${path}.${field}`,
      message: 'given twice, with different values',
    }));
    const parsed = schema.safeParse(fields);
    if (!parsed.success) {
      const issues = parsed.error.issues.map((issue) => ({
        path: `${path}${pathText(issue.path)}`,
        message: issue.message,
      }));
      return unusable([...repeated, ...issues]);
    }
    const judged = judge(parsed.data).map(({ field, message: why }) => ({
      path: `${path}.${field}`,
      message: why,
    }));
    const problems = [...repeated, ...judged];
    return problems.length > 0 ? unusable(problems) : { path, fields, item: parsed.data, problems };
  };
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

const readEntries = <Item>(
  fragments: readonly ConfigFragment[],
  list: keyof ConfigLists,
  read: (message: unknown, path: string) => Entry<Item>,
): Entry<Item>[] =>
  fragments.flatMap(({ name, lists }) =>
    lists[list].map((message, i) => read(message, placeOf(name, `${list}[${i}]`))),
  );

const uuidIn = (value: unknown): string | null => eveUuid.safeParse(value).data?.toLowerCase() ?? null;

const textIn = (value: unknown): string =>
  typeof value === 'string' ? value.slice(0, MAX_SHOWN_CHARACTERS) : '';

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

function sortTrees(entries: readonly Entry<ContentTree>[]) {
  const pathOfUuid = new Map<string, string>();
  const contentInfo: ContentTree[] = [];
  const unusable: Entry<ContentTree>[] = [];
  for (const entry of entries) {
    const { path, item } = entry;
    const known = pathOfUuid.get(item?.uuid.toLowerCase() ?? '');
    if (item === null) unusable.push(entry);
    else if (known === undefined) {
      pathOfUuid.set(item.uuid.toLowerCase(), path);
      contentInfo.push(item);
    } else {
      const message = `${item.uuid.toLowerCase()} is the uuid of ${known} already, and that one counts`;
      unusable.push({ ...entry, problems: [{ path: `${path}.uuid`, message }] });
    }
  }
  const unusableTrees = unusable.map(({ path, fields, problems }): UnusableTree => {
    const uuid = uuidIn(fields.uuid);
    const id = uuid === null || pathOfUuid.has(uuid) ? path : uuid;
    pathOfUuid.set(id, path);
    return { id, displayName: textIn(fields.displayName), url: textIn(fields.URL), problems };
  });
  return { contentInfo, unusableTrees };
}

/**
 * Reads a device configuration, in one document or in several that are put together. Each entry is read on its
 * own: what is wrong with one is said of that one.
 */
export function readDeviceConfig(fragments: readonly ConfigFragment[]): DeviceConfig {
  return {
    ...sortDatastores(readEntries(fragments, 'datastores', readDatastore)),
    ...sortTrees(readEntries(fragments, 'contentInfo', readTree)),
  };
}
