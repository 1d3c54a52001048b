// SPDX-License-Identifier: Apache-2.0
import { problemText } from '@local-datastore/shared/eve/config-entry';
import type { ContentTree } from '@local-datastore/shared/eve/content-tree';
import type { DatastoreConfig } from '@local-datastore/shared/eve/datastore-config';
import type {
  DeviceConfig,
  UnusableDatastore,
  UnusableTree,
} from '@local-datastore/shared/eve/device-config';
import { printableText } from '@local-datastore/shared/text/printable-text';
import { type DesiredImage, type ImageResolution, imageKeyOf, resolvedImage } from './image-resolution.ts';
import { buildSource, type Source, type SourceOptions } from './source.ts';

/** One content tree as it should be. */
export interface DesiredTree {
  readonly tree: ContentTree;
  /** Lower case. */
  readonly uuid: string;
  /**
   * 64 lower-case hexadecimal digits, of an image those of its manifest or index; null: none are given, and only the
   * name of an image says which it is.
   */
  readonly sha256: string | null;
  /** Null: it is a file. */
  readonly image: DesiredImage | null;
  /** 0: not known. */
  readonly sizeBytes: number;
  /** The name that leads to its content: of a file, or of an image's folder. */
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

/**
 * What a tree is made of: a file; of an image its manifest and blobs, or which image it is, as long as nobody has said;
 * nothing where nobody can say what it is.
 */
export function partsOf(tree: DesiredTree): Part[] {
  const { sha256, sizeBytes, sources, image } = tree;
  if (image === null) return sha256 === null ? [] : [{ tree, sha256, sizeBytes, sources }];
  if (image.resolved === null) return [{ tree, sha256: image.key, sizeBytes: 0, sources }];
  return image.resolved.contents.map((content) => ({ tree, ...content }));
}

/** What its name leads to when all of it is here: of a file its digest, of an image the mark of its folder; null: nobody can say yet. */
export const markOfTree = ({ sha256, image }: DesiredTree): string | null =>
  image === null ? sha256 : (image.resolved?.folder.mark ?? null);

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

/** What their names led to, by the images' keys. */
export type ImageResolutions = ReadonlyMap<string, ImageResolution>;

/** The same with what is known by now of the images that it asks for. */
export function withResolutions(desired: Desired, resolutions: ImageResolutions): Desired {
  const trees = new Map<string, DesiredTree>();
  for (const [uuid, tree] of desired.trees) {
    const { image, sources } = tree;
    const resolution = image === null ? undefined : resolutions.get(image.key);
    const isNews = image !== null && resolution !== undefined && image.resolved?.resolution !== resolution;
    const resolved = isNews ? resolvedImage(resolution, image.name, sources) : null;
    trees.set(uuid, isNews ? { ...tree, image: { ...image, resolved } } : tree);
  }
  return { ...desired, trees, contents: deriveContents(trees.values()) };
}

/** Of an image, what gives files is of no use, and the other way round. */
function useAlike(sources: readonly (Source | string)[], isImage: boolean): (Source | string)[] {
  return sources.map((source) => {
    if (typeof source === 'string' || (source.registry !== null) === isImage) return source;
    return `datastore ${source.datastoreId}: it gives files, and another one of the tree is a container registry`;
  });
}

/** What a device configuration asks of this host. */
export function planDesired(
  config: DeviceConfig,
  options: SourceOptions,
  resolutions: ImageResolutions = new Map(),
): Desired {
  const { datastores, contentInfo, unusableDatastores, unusableTrees } = config;
  const datastoreOf = new Map<string, DatastoreConfig>(
    datastores.map((each) => [each.id.toLowerCase(), each]),
  );
  const unreadOf = new Map(unusableDatastores.map((each) => [each.id, each]));
  const names = nameTrees(contentInfo);
  const trees = new Map<string, DesiredTree>();
  for (const tree of contentInfo) {
    const datastoreIds = datastoreIdsOf(tree);
    const found = datastoreIds.map((id) => {
      const datastore = datastoreOf.get(id);
      const unread = unreadOf.get(id);
      if (datastore === undefined)
        return unread === undefined
          ? `datastore ${printableText(id)} is not in the configuration`
          : unreadDatastoreText(unread);
      return buildSource(datastore, tree, options);
    });
    const isImage =
      tree.iformat === 'CONTAINER' &&
      datastoreIds.some((id) => datastoreOf.get(id)?.dType === 'DsContainerRegistry');
    const built = useAlike(found, isImage);
    const sources = built.filter((each) => typeof each !== 'string');
    const key = imageKeyOf(tree, datastoreIds);
    const name = sources[0]?.registry?.image.taggedName ?? null;
    const desired: DesiredTree = {
      tree,
      uuid: tree.uuid.toLowerCase(),
      sha256: tree.sha256.toLowerCase() || null,
      image: isImage ? { key, name, resolved: null } : null,
      sizeBytes: tree.maxSizeBytes,
      name: names.get(tree) ?? tree.uuid.toLowerCase(),
      datastoreIds,
      sources,
      problems: built.filter((each) => typeof each === 'string'),
    };
    trees.set(desired.uuid, desired);
  }
  const unusable = new Map(unusableTrees.map((each) => [each.id, each]));
  return withResolutions({ trees, contents: new Map(), unusable }, resolutions);
}
