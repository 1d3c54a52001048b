// SPDX-License-Identifier: Apache-2.0
import type * as z from 'zod';
import type { ConfigLists } from './config-document.ts';
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
export interface Entry<Item> {
  readonly path: string;
  readonly fields: Readonly<Record<string, unknown>>;
  /** null: it cannot be used. */
  readonly item: Item | null;
  readonly problems: readonly ConfigProblem[];
}

/** Reads an entry on its own. @param judge what the schema cannot say */
export function entryReader<Item>(
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

/** Every entry of one list, of all fragments. */
export const readEntries = <Item>(
  fragments: readonly ConfigFragment[],
  list: keyof ConfigLists,
  read: (message: unknown, path: string) => Entry<Item>,
): Entry<Item>[] =>
  fragments.flatMap(({ name, lists }) =>
    lists[list].map((message, i) => read(message, placeOf(name, `${list}[${i}]`))),
  );

/** The uuid in a field, folded; null: there is none. */
export const uuidIn = (value: unknown): string | null => eveUuid.safeParse(value).data?.toLowerCase() ?? null;

/** A text in a field, cut where it is long; ''. */
export const textIn = (value: unknown): string =>
  typeof value === 'string' ? value.slice(0, MAX_SHOWN_CHARACTERS) : '';

/** An entry that cannot be read, and what can be said of it all the same. */
export interface UnusableEntry {
  /** Its uuid where no other entry has that, else its place, such as `apps[2]`. */
  readonly id: string;
  readonly displayName: string;
  readonly problems: readonly ConfigProblem[];
}

/** Where things of one kind have their uuid and their name. */
export interface EntryKind<Item> {
  /** Of the uuid, for messages. */
  readonly uuidField: string;
  uuidOf(item: Item): string;
  /** In a message that cannot be read. */
  uuidIn(fields: Readonly<Record<string, unknown>>): unknown;
  nameIn(fields: Readonly<Record<string, unknown>>): unknown;
}

/**
 * Tells what can be used from what cannot; of several entries of one uuid the first counts.
 *
 * @returns each unusable one with the fields that were read of it
 */
export function sortEntries<Item>(entries: readonly Entry<Item>[], kind: EntryKind<Item>) {
  const pathOfUuid = new Map<string, string>();
  const usable: Item[] = [];
  const rest: Entry<Item>[] = [];
  for (const entry of entries) {
    const { path, item } = entry;
    if (item === null) {
      rest.push(entry);
      continue;
    }
    const uuid = kind.uuidOf(item).toLowerCase();
    const known = pathOfUuid.get(uuid);
    if (known === undefined) {
      pathOfUuid.set(uuid, path);
      usable.push(item);
    } else {
      const message = `${uuid} is the uuid of ${known} already, and that one counts`;
      rest.push({ ...entry, problems: [{ path: `${path}.${kind.uuidField}`, message }] });
    }
  }
  const unusable = rest.map(({ path, fields, problems }) => {
    const uuid = uuidIn(kind.uuidIn(fields));
    const id = uuid === null || pathOfUuid.has(uuid) ? path : uuid;
    pathOfUuid.set(id, path);
    const entry: UnusableEntry = { id, displayName: textIn(kind.nameIn(fields)), problems };
    return { entry, fields };
  });
  return { usable, unusable };
}
