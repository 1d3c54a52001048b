import * as z from 'zod';
import { readConfigDocument } from './config-document.ts';
import { type ContentTree, contentTreeSchema } from './content-tree.ts';
import { type DatastoreConfig, datastoreConfigSchema } from './datastore-config.ts';

/** The part of EVE's `EdgeDevConfig` that says which content a device needs. Other fields are left alone. */
export interface DeviceConfig {
  readonly datastores: readonly DatastoreConfig[];
  readonly contentInfo: readonly ContentTree[];
}

/** One thing that is wrong with a device configuration. */
export interface ConfigProblem {
  /** Where, such as `contentInfo[2].sha256`, of a fragment with its name in front; '' for the document itself. */
  readonly path: string;
  readonly message: string;
}

/** A problem in one line. */
export const problemText = ({ path, message }: ConfigProblem): string =>
  path === '' ? message : `${path}: ${message}`;

/** One JSON document of a configuration; `name` stands in front of its paths, '' where there is only one. */
export interface ConfigFragment {
  readonly name: string;
  readonly document: unknown;
}

export type ParsedDeviceConfig =
  | { readonly isValid: true; readonly config: DeviceConfig }
  | { readonly isValid: false; readonly problems: readonly ConfigProblem[] };

const MAX_PROBLEMS = 100;

/** Protobuf's JSON mapping reads null as absent, and writes nothing where the value is 0 or ''. */
const takeOmitted = (fill: (item: Readonly<Record<string, unknown>>) => object) => (item: unknown) => {
  if (typeof item !== 'object' || item === null || Array.isArray(item)) return item;
  const given = Object.fromEntries(Object.entries(item).filter(([, value]) => value !== null));
  return { ...fill(given), ...given };
};

/** A cloud's datastore may have no host of its own; one that is asked by HTTP must. */
const IS_HTTP = new Set<unknown>(['DsHttp', 'DsHttps', 1, 2]);
const datastoreSchema = z.preprocess(
  takeOmitted(({ dType }) => (IS_HTTP.has(dType) ? {} : { fqdn: '' })),
  datastoreConfigSchema,
);

/** The size of a container's image stands in its manifest. */
const treeSchema = z.preprocess(
  takeOmitted(({ iformat }) => (iformat === 'CONTAINER' || iformat === 8 ? { maxSizeBytes: 0 } : {})),
  contentTreeSchema,
);

/** The place in a fragment, with the fragment's name in front. */
const placeOf = (name: string, path: string) =>
  name === '' || path === '' ? `${name}${path}` : `${name}: ${path}`;

const listsSchema = z.object({ datastores: z.array(datastoreSchema), contentInfo: z.array(treeSchema) });

/** `['contentInfo', 2, 'sha256']` → `contentInfo[2].sha256` */
function pathText(path: readonly PropertyKey[]): string {
  const text = path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`)).join('');
  return text.replace(/^\./, '');
}

interface Placed<Item> {
  readonly path: string;
  readonly item: Item;
}

function findRepeated<Item>(placed: readonly Placed<Item>[], key: (item: Item) => string, field: string) {
  const firstPaths = new Map<string, string>();
  return placed.flatMap(({ path, item }): ConfigProblem[] => {
    const value = key(item).toLowerCase();
    const first = firstPaths.get(value);
    firstPaths.set(value, first ?? path);
    if (first === undefined) return [];
    return [{ path: `${path}.${field}`, message: `${value} is the ${field} of ${first} already` }];
  });
}

/** What one content tree lacks that its schema cannot say. */
function whyUnusable({ path, item }: Placed<ContentTree>): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  if (item.sha256 === '' && item.iformat !== 'CONTAINER') {
    const message = '64 hexadecimal digits expected: only an image of a container registry may lack them';
    problems.push({ path: `${path}.sha256`, message });
  }
  if (item.dsIdsList.length === 0 && (item.dsId ?? '') === '') {
    problems.push({ path: `${path}.dsIdsList`, message: 'the id of at least one datastore expected' });
  }
  return problems;
}

/**
 * Reads a device configuration, in one document or in several that are put together.
 *
 * @returns the configuration, or everything that is wrong with it (at most 100 problems)
 */
export function parseDeviceConfig(fragments: readonly ConfigFragment[]): ParsedDeviceConfig {
  const problems: ConfigProblem[] = [];
  const datastores: Placed<DatastoreConfig>[] = [];
  const trees: Placed<ContentTree>[] = [];
  for (const { name, document } of fragments) {
    const read = readConfigDocument(document);
    if (!read.isConfig) {
      problems.push({ path: placeOf(name, read.path), message: read.message });
      continue;
    }
    const parsed = listsSchema.safeParse(read.lists);
    if (!parsed.success) {
      for (const { path, message } of parsed.error.issues) {
        problems.push({ path: placeOf(name, pathText(path)), message });
      }
      continue;
    }
    parsed.data.datastores.forEach((item, i) => {
      datastores.push({ path: placeOf(name, `datastores[${i}]`), item });
    });
    parsed.data.contentInfo.forEach((item, i) => {
      trees.push({ path: placeOf(name, `contentInfo[${i}]`), item });
    });
  }
  problems.push(
    ...findRepeated(datastores, ({ id }) => id, 'id'),
    ...findRepeated(trees, ({ uuid }) => uuid, 'uuid'),
    ...trees.flatMap(whyUnusable),
  );
  if (problems.length > 0) return { isValid: false, problems: problems.slice(0, MAX_PROBLEMS) };
  const config = {
    datastores: datastores.map(({ item }) => item),
    contentInfo: trees.map(({ item }) => item),
  };
  return { isValid: true, config };
}
