import type { ContentTree } from '@local-datastore/shared/eve/content-tree';
import type { DatastoreConfig } from '@local-datastore/shared/eve/datastore-config';
import {
  type DeviceConfig,
  problemText,
  type UnusableDatastore,
  type UnusableTree,
} from '@local-datastore/shared/eve/device-config';
import { printableText } from '@local-datastore/shared/text/printable-text';
import { buildSource, type Source, type SourceOptions } from './source.ts';

/** One content tree as it should be. */
export interface DesiredTree {
  readonly tree: ContentTree;
  /** Lower case. */
  readonly uuid: string;
  /** 64 lower-case hexadecimal digits; null when the tree cannot be fetched as it is configured. */
  readonly sha256: string | null;
  /** 0: not known. */
  readonly sizeBytes: number;
  /** The file name that leads to its content. */
  readonly name: string;
  /** Datastores of the tree, as configured. */
  readonly datastoreIds: readonly string[];
  /** In the order in which they are tried. */
  readonly sources: readonly Source[];
  /** Why datastores of it cannot be used. */
  readonly problems: readonly string[];
}

/** One file of a tree's content, and where the tree has it from. */
export interface Part {
  readonly tree: DesiredTree;
  readonly sha256: string;
  /** 0: not known. */
  readonly sizeBytes: number;
  /** In the order in which they are tried. */
  readonly sources: readonly Source[];
}

/** One file, for all trees that have it among their parts. */
export interface DesiredContent {
  readonly sha256: string;
  /** One for each of those trees. */
  readonly parts: readonly Part[];
}

export interface Desired {
  readonly trees: ReadonlyMap<string, DesiredTree>;
  readonly contents: ReadonlyMap<string, DesiredContent>;
  /** By their ids. One of these may have a tree of the same id that stays from before. */
  readonly unusable: ReadonlyMap<string, UnusableTree>;
}

export const NOTHING_DESIRED: Desired = { trees: new Map(), contents: new Map(), unusable: new Map() };

/** Why a datastore cannot be read, in one sentence. */
export function unreadDatastoreText({ id, problems }: UnusableDatastore): string {
  const name = id === null ? 'a datastore' : `datastore ${id}`;
  return `${name} cannot be read: ${problems.map(problemText).join('; ')}`;
}

/** Whether content that is here has the size that a tree states of it, if it states one. */
export const isOfSize = ({ sizeBytes }: Pick<Part, 'sizeBytes'>, totalBytes: number | null): boolean =>
  sizeBytes === 0 || totalBytes === sizeBytes;

/** A file name that means the same everywhere: no path, no hidden file, nothing a terminal acts on. */
const SAFE_NAME = /^[A-Za-z0-9][A-Za-z0-9 ._+@=,-]{0,199}$/;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** A tree's display name where it is a good file name and no other tree has it; its uuid otherwise. */
function nameTrees(trees: readonly ContentTree[]): Map<ContentTree, string> {
  const counts = new Map<string, number>();
  for (const { displayName = '' } of trees) counts.set(displayName, (counts.get(displayName) ?? 0) + 1);
  return new Map(
    trees.map((tree) => {
      const { displayName = '', uuid } = tree;
      // What looks like a uuid could be another tree's.
      const isGood = SAFE_NAME.test(displayName) && !UUID.test(displayName) && counts.get(displayName) === 1;
      return [tree, isGood ? displayName : uuid.toLowerCase()];
    }),
  );
}

function datastoreIdsOf({ dsIdsList, dsId = '' }: ContentTree): string[] {
  const ids = dsIdsList.length > 0 ? dsIdsList : [dsId];
  return [...new Set(ids.map((id) => id.toLowerCase()))];
}

/**
 * Why datastores cannot be used that trees name beside others which can, each reason once: those trees are
 * fetched, and nothing else would tell that there is no fallback.
 */
export function lostFallbacks({ trees }: Desired): string[] {
  const reasons = new Set<string>();
  for (const { sources, problems } of trees.values()) {
    if (sources.length > 0) for (const problem of problems) reasons.add(problem);
  }
  return [...reasons];
}

/** The files that a tree is made of: one, or none as long as nobody says which. */
function partsOf(tree: DesiredTree): Part[] {
  const { sha256, sizeBytes, sources } = tree;
  return sha256 === null ? [] : [{ tree, sha256, sizeBytes, sources }];
}

/** What is to be here for trees: each file once, however many trees have it. */
function deriveContents(trees: Iterable<DesiredTree>): Map<string, DesiredContent> {
  const byDigest = new Map<string, Part[]>();
  for (const tree of trees) {
    for (const part of partsOf(tree)) {
      const same = byDigest.get(part.sha256);
      if (same === undefined) byDigest.set(part.sha256, [part]);
      else same.push(part);
    }
  }
  return new Map([...byDigest].map(([sha256, parts]) => [sha256, { sha256, parts }]));
}

/** What a device configuration asks of this host. */
export function planDesired(config: DeviceConfig, options: SourceOptions): Desired {
  const { datastores, contentInfo, unusableDatastores, unusableTrees } = config;
  const datastoreOf = new Map<string, DatastoreConfig>(
    datastores.map((each) => [each.id.toLowerCase(), each]),
  );
  const unreadOf = new Map(unusableDatastores.map((each) => [each.id, each]));
  const names = nameTrees(contentInfo);
  const trees = new Map<string, DesiredTree>();
  for (const tree of contentInfo) {
    const datastoreIds = datastoreIdsOf(tree);
    const built = datastoreIds.map((id) => {
      const datastore = datastoreOf.get(id);
      const unread = unreadOf.get(id);
      if (datastore === undefined)
        return unread === undefined
          ? `datastore ${printableText(id)} is not in the configuration`
          : unreadDatastoreText(unread);
      return buildSource(datastore, tree, options);
    });
    const isFetchable = tree.sha256 !== '';
    const desired: DesiredTree = {
      tree,
      uuid: tree.uuid.toLowerCase(),
      sha256: isFetchable ? tree.sha256.toLowerCase() : null,
      sizeBytes: tree.maxSizeBytes,
      name: names.get(tree) ?? tree.uuid.toLowerCase(),
      datastoreIds,
      sources: built.filter((each) => typeof each !== 'string'),
      problems: built.filter((each) => typeof each === 'string'),
    };
    trees.set(desired.uuid, desired);
  }
  const unusable = new Map(unusableTrees.map((each) => [each.id, each]));
  return { trees, contents: deriveContents(trees.values()), unusable };
}
