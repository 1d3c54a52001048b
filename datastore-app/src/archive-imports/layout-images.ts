// SPDX-License-Identifier: Apache-2.0
import type { Descriptor } from '@local-datastore/shared/oci/descriptor';
import { formatDigest, type OciDigest } from '@local-datastore/shared/oci/digest';
import type { ManifestDocument } from '@local-datastore/shared/oci/image-archive';
import type { LayoutEntry } from '@local-datastore/shared/oci/layout-entries';
import { ManifestError, type ManifestLinks, parseManifest } from '@local-datastore/shared/oci/manifest';
import { manifestKind } from '@local-datastore/shared/oci/media-types';
import {
  choosePlatform,
  isAttestation,
  listPlatforms,
  platformText,
  type WantedPlatform,
} from '@local-datastore/shared/oci/platform';
import { splitArchiveName } from '../archives/archive-naming.ts';
import type { BlobInfo } from '../blobs/registry-store.ts';
import { storedLinks } from '../registry/manifest-content.ts';
import { type FoundImage, type FoundImages, ImageFailure, type ImportFailure } from './archive-image.ts';

/** What a layout holds beside its `index.json`. */
export interface LayoutContent {
  /**
   * The bytes of a manifest, which have its digest.
   *
   * @returns undefined where it is not there
   * @throws ImageFailure where it is damaged, or larger than manifests are
   */
  readManifest(digest: OciDigest): Promise<Buffer | undefined>;
  /** Blobs that may be manifests, as far as their size and their first byte say it. */
  readonly candidates?: readonly OciDigest[];
  /** What refers to a manifest, where that is known without looking. */
  referrersOf?(digest: OciDigest): Promise<readonly OciDigest[]>;
}

/** A manifest, and what it says of others. */
interface Parsed {
  readonly document: ManifestDocument;
  readonly links: ManifestLinks;
}

/** What an image leads to, by digest: those that others need come first. */
type Reached = Map<string, Parsed>;

/** An index of indexes is as deep as anybody goes. */
const MAX_DEPTH = 4;
const MAX_MANIFESTS = 1000;
/** Of all manifests of an archive: they are kept in memory while it is imported. */
const MAX_TOTAL_BYTES = 16 * 1024 * 1024;
/** What clients make tags of where a registry has no list of referrers, and cosign for its signatures. */
const DIGEST_TAG = /^(sha256|sha512)-([0-9a-f]{64,128})(?:\.(?:sig|att|sbom))?$/;
const ATTESTED = 'vnd.docker.reference.digest';

/** The digest of which a tag is made; undefined: it is an ordinary one. */
export function subjectOfTag(name: string | undefined): string | undefined {
  const [, algorithm, hex] = DIGEST_TAG.exec(name === undefined ? '' : splitArchiveName(name).tag) ?? [];
  return algorithm === undefined ? undefined : `${algorithm}:${hex}`;
}

/**
 * The children of an index that are wanted: those of the platforms, and what attests them.
 *
 * @throws ImageFailure PLATFORM_UNKNOWN
 */
function chooseChildren(
  children: readonly Descriptor[],
  platforms: readonly WantedPlatform[],
): readonly Descriptor[] {
  if (platforms.length === 0) return children;
  const chosen = new Set<string>();
  for (const platform of platforms) {
    const found = choosePlatform(children, platform, true);
    if (found === undefined) {
      throw new ImageFailure(
        'PLATFORM_UNKNOWN',
        `There is no image for ${platformText(platform)}, but for: ${listPlatforms(children)}.`,
      );
    }
    chosen.add(formatDigest(found.digest));
  }
  return children.filter(
    (each) =>
      chosen.has(formatDigest(each.digest)) ||
      (isAttestation(each) && chosen.has(each.annotations?.[ATTESTED] ?? '')),
  );
}

function parse(digest: OciDigest, bytes: Buffer, mediaType: string | undefined): Parsed {
  try {
    const links = parseManifest(bytes, mediaType);
    return { document: { digest, mediaType: links.mediaType, bytes }, links };
  } catch (error) {
    if (!(error instanceof ManifestError)) throw error;
    throw new ImageFailure('IMAGE_INVALID', `Its ${formatDigest(digest)}: ${error.message}`);
  }
}

/** Collects what manifests need. @throws ImageFailure where they disagree about a size */
function blobsOf(reached: Reached): Map<string, BlobInfo> {
  const blobs = new Map<string, BlobInfo>();
  for (const { links } of reached.values()) {
    for (const blob of storedLinks(links).blobs) {
      const key = formatDigest(blob.digest);
      const known = blobs.get(key) ?? blob;
      if (known.sizeBytes !== blob.sizeBytes) {
        throw new ImageFailure('IMAGE_INVALID', `Its manifests say different sizes of ${key}.`);
      }
      blobs.set(key, known);
    }
  }
  return blobs;
}

const nameOf = ({ descriptor, name }: LayoutEntry) => name ?? formatDigest(descriptor.digest);

/** The entries of one manifest together: each name is an entry of its own. */
const byDigest = (entries: readonly LayoutEntry[]) =>
  Map.groupBy(entries, ({ descriptor }) => formatDigest(descriptor.digest));

/**
 * Finds the images of a layout: what its index names, all that this leads to, and what refers to it: signatures,
 * attestations, lists of what it is made of. What cannot be read spoils its own image alone.
 *
 * @param platforms of an index: these alone; none: all that are there
 */
export async function findLayoutImages(
  entries: readonly LayoutEntry[],
  { readManifest, candidates = [], referrersOf }: LayoutContent,
  platforms: readonly WantedPlatform[],
): Promise<FoundImages> {
  /** Each is read once. */
  const read = new Map<string, Parsed | undefined>();

  let readBytes = 0;

  async function load(digest: OciDigest, mediaType: string | undefined): Promise<Parsed | undefined> {
    const key = formatDigest(digest);
    if (!read.has(key)) {
      const bytes = await readManifest(digest);
      readBytes += bytes?.length ?? 0;
      if (readBytes > MAX_TOTAL_BYTES) {
        throw new ImageFailure('IMAGE_INVALID', 'The manifests of the archive are too large together.');
      }
      read.set(key, bytes && parse(digest, bytes, mediaType));
    }
    return read.get(key);
  }

  /**
   * Adds a manifest and what it leads to.
   *
   * @param wanted of an index: these platforms alone
   * @returns false where it is not there
   */
  async function reach(
    descriptor: Pick<Descriptor, 'digest'> & { readonly mediaType?: string },
    into: Reached,
    wanted: readonly WantedPlatform[],
    depth = 1,
  ): Promise<boolean> {
    const { digest, mediaType } = descriptor;
    const key = formatDigest(digest);
    if (into.has(key)) return true;
    if (depth > MAX_DEPTH || into.size >= MAX_MANIFESTS) {
      throw new ImageFailure('IMAGE_INVALID', 'Its manifests are too many, or too deep.');
    }
    const parsed = await load(digest, mediaType);
    if (parsed === undefined) return false;
    const { kind, children } = parsed.links;
    for (const child of kind === 'index' ? chooseChildren(children, wanted) : []) {
      if (manifestKind(child.mediaType) === undefined) continue;
      const isThere = await reach(child, into, wanted, depth + 1);
      if (!isThere && wanted.length > 0) {
        throw new ImageFailure(
          'CONTENT_MISSING',
          `The image ${formatDigest(child.digest)} of the index is not in it: only a part was archived.`,
          [{ digest: formatDigest(child.digest), sizeBytes: child.sizeBytes }],
        );
      }
    }
    into.set(key, parsed);
    return true;
  }

  /** What may refer to others: what no name leads to, and what is named after a digest. */
  const named = entries.filter(({ name }) => name !== undefined && subjectOfTag(name) === undefined);
  const unnamed = entries.filter(({ name }) => name === undefined);
  const byTag = entries.filter(({ name }) => subjectOfTag(name) !== undefined);

  /** Without keeping it: most are configs. */
  async function subjectOf(digest: OciDigest, mediaType?: string): Promise<string | undefined> {
    try {
      const bytes = await readManifest(digest);
      const subject = bytes && parse(digest, bytes, mediaType).links.subject;
      return subject && formatDigest(subject.digest);
    } catch (error) {
      if (error instanceof ImageFailure) return undefined;
      throw error;
    }
  }
  const referring: { readonly digest: OciDigest; readonly mediaType?: string; readonly subject: string }[] =
    [];
  const known = new Set(named.map(({ descriptor }) => formatDigest(descriptor.digest)));
  for (const { descriptor } of unnamed) {
    const { digest, mediaType } = descriptor;
    const subject = await subjectOf(digest, mediaType);
    if (subject !== undefined) referring.push({ digest, mediaType, subject });
    known.add(formatDigest(digest));
  }
  for (const digest of candidates) {
    if (known.has(formatDigest(digest))) continue;
    const subject = await subjectOf(digest);
    if (subject !== undefined) referring.push({ digest, subject });
  }

  const found: FoundImage[] = [];
  const failed: ImportFailure[] = [];
  const reachedAnywhere = new Set<string>();

  /** Adds what refers to something that is there, until there is nothing more. */
  async function attach(into: Reached): Promise<Map<string, ManifestDocument>> {
    const attached = new Map<string, ManifestDocument>();
    const asked = new Set<Parsed>();
    for (let isMore = true; isMore; ) {
      isMore = false;
      for (const each of referring) {
        if (!into.has(each.subject) || into.has(formatDigest(each.digest))) continue;
        if (await reach(each, into, [])) isMore = true;
      }
      for (const each of [...into.values()].filter((parsed) => !asked.has(parsed))) {
        asked.add(each);
        for (const digest of (await referrersOf?.(each.document.digest)) ?? []) {
          if (!into.has(formatDigest(digest)) && (await reach({ digest }, into, []))) isMore = true;
        }
      }
      for (const { descriptor, name } of byTag) {
        const { tag } = splitArchiveName(name ?? '');
        if (attached.has(tag) || !into.has(subjectOfTag(name) ?? '')) continue;
        if (!(await reach(descriptor, into, []))) continue;
        const parsed = into.get(formatDigest(descriptor.digest));
        if (parsed !== undefined) attached.set(tag, parsed.document);
        isMore = true;
      }
    }
    return attached;
  }

  async function find(own: readonly LayoutEntry[]): Promise<void> {
    const [first] = own;
    if (first === undefined) return;
    const key = formatDigest(first.descriptor.digest);
    reachedAnywhere.add(key);
    try {
      if (manifestKind(first.descriptor.mediaType) === undefined) {
        throw new ImageFailure('IMAGE_INVALID', `Its ${key} is no manifest of an image or an artifact.`);
      }
      const reached: Reached = new Map();
      const isThere = await reach(first.descriptor, reached, platforms);
      const root = reached.get(key);
      if (!isThere || root === undefined) {
        const { sizeBytes } = first.descriptor;
        throw new ImageFailure('CONTENT_MISSING', `Its manifest ${key} is not in it.`, [
          { digest: key, sizeBytes },
        ]);
      }
      const attached = await attach(reached);
      for (const each of reached.keys()) reachedAnywhere.add(each);
      found.push({
        names: own.flatMap(({ name }) => name ?? []),
        root: root.document,
        others: [...reached.values()].filter((each) => each !== root).map(({ document }) => document),
        attached,
        blobs: blobsOf(reached),
      });
    } catch (error) {
      if (!(error instanceof ImageFailure)) throw error;
      const { code, message, missing } = error;
      failed.push({ name: nameOf(first), code, message, missing });
    }
  }

  for (const own of byDigest(named).values()) await find(own);
  const referringDigests = new Set(referring.map(({ digest }) => formatDigest(digest)));
  const isReferring = ({ descriptor }: LayoutEntry) => referringDigests.has(formatDigest(descriptor.digest));
  const isLeft = ({ descriptor }: LayoutEntry) => !reachedAnywhere.has(formatDigest(descriptor.digest));
  for (const own of byDigest(unnamed.filter((each) => !isReferring(each) && isLeft(each))).values()) {
    await find(own);
  }
  // What refers to nothing that is here is an image like others.
  for (const own of byDigest([...unnamed, ...byTag].filter(isLeft)).values()) await find(own);
  return { found, failed };
}
