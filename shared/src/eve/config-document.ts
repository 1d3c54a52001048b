// SPDX-License-Identifier: Apache-2.0
import { asciiJson } from '../text/json-text.ts';

/** What a document says, its entries unread: the lists of EVE's `EdgeDevConfig` that are read here. */
export interface ConfigLists {
  readonly datastores: readonly unknown[];
  readonly contentInfo: readonly unknown[];
  readonly volumes: readonly unknown[];
  readonly apps: readonly unknown[];
  readonly networkInstances: readonly unknown[];
}

export const NO_LISTS: ConfigLists = {
  datastores: [],
  contentInfo: [],
  volumes: [],
  apps: [],
  networkInstances: [],
};

export type ReadDocument =
  | { readonly isConfig: true; readonly lists: ConfigLists }
  | {
      readonly isConfig: false;
      /** Where, such as `contentInfo`; '' for the document itself. */
      readonly path: string;
      /** What was found in place of a configuration. No value of the document stands in it, only keys. */
      readonly message: string;
    };

/** Each list under the names that protobuf's JSON mapping may give it. */
const LISTS = {
  datastores: { names: ['datastores'], maxCount: 10_000 },
  contentInfo: { names: ['contentInfo', 'content_info'], maxCount: 10_000 },
  volumes: { names: ['volumes'], maxCount: 10_000 },
  apps: { names: ['apps'], maxCount: 1000 },
  networkInstances: { names: ['networkInstances', 'network_instances'], maxCount: 1000 },
} as const satisfies Record<keyof ConfigLists, unknown>;
type ListName = keyof ConfigLists;
const LIST_NAMES = Object.keys(LISTS) as readonly ListName[];
/** A document that says nothing of these says nothing of content: what else stands in it is no wish to be rid of all. */
const OF_CONTENT: ReadonlySet<ListName> = new Set(['datastores', 'contentInfo']);

/** The envelope of EVE's `ConfigResponse`, and what stands in it beside the configuration. */
const ENVELOPE = 'config';
const ENVELOPE_NAMES: ReadonlySet<string> = new Set([ENVELOPE, 'configHash', 'config_hash']);

/** The usual name of each before its other one. */
const KNOWN_NAMES: readonly string[] = [...LIST_NAMES.flatMap((name) => LISTS[name].names), ENVELOPE];
const MAX_SHOWN_KEYS = 5;
const MAX_SHOWN_CHARACTERS = 40;

type JsonObject = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Nothing in a foreign key acts on a terminal or turns the direction of a line. */
const quoted = (key: string) => asciiJson(key.slice(0, MAX_SHOWN_CHARACTERS));

function shownKeys(document: JsonObject): string {
  const keys = Object.keys(document);
  const shown = keys.slice(0, MAX_SHOWN_KEYS).map(quoted).join(', ');
  return keys.length > MAX_SHOWN_KEYS ? `${shown} and ${keys.length - MAX_SHOWN_KEYS} more` : shown;
}

/** What a value is, without what it holds. */
function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (isObject(value)) return Object.keys(value).length === 0 ? '{}' : `an object with ${shownKeys(value)}`;
  return typeof value === 'string' ? 'a text' : `a ${typeof value}`;
}

const foldName = (name: string) => name.replace(/[-_ ]/g, '').toLowerCase();

/** A key that is one of ours but for its case or a separator: read by nobody else either, and surely meant. */
function findMisspelt(document: JsonObject): string | null {
  const known = new Map(KNOWN_NAMES.toReversed().map((name) => [foldName(name), name]));
  for (const key of Object.keys(document)) {
    const meant = known.get(foldName(key));
    if (meant !== undefined && !KNOWN_NAMES.includes(key)) return `${quoted(key)}, where "${meant}" is read`;
  }
  return null;
}

const other = (message: string, path = ''): ReadDocument => ({ isConfig: false, path, message });

const noConfig = (found: string) =>
  other(`no device configuration: ${found} (datastores or contentInfo expected; {} wants nothing)`);

/** @returns null where the document does not speak of the list; a text: why it cannot be read */
function readList(document: JsonObject, name: ListName): readonly unknown[] | null | string {
  const { names, maxCount } = LISTS[name];
  const given = names.filter((each) => Object.hasOwn(document, each));
  // Go writes an empty list as null.
  const values = given.map((each) => document[each]).filter((value) => value !== null);
  if (values.length > 1) return `given twice, as ${names.join(' and ')}`;
  const [value] = values;
  if (value === undefined) return given.length > 0 ? [] : null;
  if (!Array.isArray(value)) return `a list expected, not ${kindOf(value)}`;
  return value.length > maxCount ? `${value.length} entries are too many: at most ${maxCount}` : value;
}

function readLists(document: JsonObject): ReadDocument | null {
  const lists: Record<ListName, readonly unknown[]> = { ...NO_LISTS };
  let isSaid = false;
  for (const name of LIST_NAMES) {
    const list = readList(document, name);
    if (typeof list === 'string') return other(list, name);
    if (list === null) continue;
    lists[name] = list;
    isSaid ||= OF_CONTENT.has(name);
  }
  return isSaid ? { isConfig: true, lists } : null;
}

/**
 * Tells a device configuration from whatever else stands in a file or comes over the network: an error message,
 * another program's settings, a list. Nothing is wanted only where that is said, by `{}` or by the lists, empty.
 * The envelope of EVE's `ConfigResponse` is taken off.
 */
export function readConfigDocument(document: unknown): ReadDocument {
  if (!isObject(document)) return noConfig(kindOf(document));
  const misspelt = findMisspelt(document);
  if (misspelt !== null) return noConfig(misspelt);
  const said = readLists(document);
  if (said !== null) return said;
  if (Object.keys(document).length === 0) return { isConfig: true, lists: NO_LISTS };
  const inner = document[ENVELOPE];
  if (!isObject(inner)) return noConfig(kindOf(document));
  const innerMisspelt = findMisspelt(inner);
  if (innerMisspelt !== null) return noConfig(`in "${ENVELOPE}" stands ${innerMisspelt}`);
  const enveloped = readLists(inner);
  if (enveloped !== null) return enveloped;
  const isEmpty = Object.keys(inner).length === 0;
  // Beside anything else `{}` may be what is left of an answer that failed.
  if (isEmpty && Object.keys(document).every((key) => ENVELOPE_NAMES.has(key))) {
    return { isConfig: true, lists: NO_LISTS };
  }
  return noConfig(isEmpty ? kindOf(document) : `in "${ENVELOPE}" stands ${kindOf(inner)}`);
}
