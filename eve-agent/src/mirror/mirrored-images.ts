// SPDX-License-Identifier: Apache-2.0
import { CodedError } from '@local-datastore/shared/errors';
import type { Log } from '@local-datastore/shared/log';
import { formatDigest, type OciDigest } from '@local-datastore/shared/oci/digest';
import type { ManifestLinks } from '@local-datastore/shared/oci/manifest';
import { isNondistributable } from '@local-datastore/shared/oci/media-types';
import type { ManifestReference } from '@local-datastore/shared/oci/reference';
import type { TagMemory } from '../content/tag-memory.ts';
import type { FetchedManifest } from '../registry/registry-client.ts';
import type { HeaderFields } from '../transfer/validators.ts';
import type { BlobFlights, OpenBlob } from './blob-flights.ts';
import { MirrorError } from './errors.ts';
import type { MirroredName } from './mirror-path.ts';
import type { Neighbours } from './neighbours.ts';
import { type AnyChoice, mayAskOthers, namedPlace, otherPlaces, type Place } from './places.ts';
import type { Repository } from './repositories.ts';

/** Which content is here. */
export interface ContentHere {
  /** @param isWhole whether all of it is read from its beginning; a part is given of what was found right. */
  open(digest: OciDigest, isWhole: boolean): Promise<OpenBlob | null>;
  has(digest: OciDigest): Promise<boolean>;
  /** Of what is small. @returns null: it is not here, or not what it was, and gone now */
  read(digest: OciDigest): Promise<Buffer | null>;
  write(digest: OciDigest, bytes: Buffer): Promise<void>;
}

export interface MirroredManifest {
  readonly bytes: Buffer;
  readonly digest: string;
  readonly mediaType: string;
  /** What the tag led to at that time, in milliseconds since the epoch, as nobody answers now; null: now. */
  readonly asOfMs: number | null;
}

export interface MirroredList {
  readonly bytes: Buffer;
  readonly headers: HeaderFields;
}

/** The images of datastores, as far as they are asked for. */
export interface MirroredImages {
  /** @throws RegistryError; MirrorError; what the way there throws */
  readManifest(
    name: MirroredName,
    reference: ManifestReference,
    signal: AbortSignal,
  ): Promise<MirroredManifest>;
  /** @throws as `readManifest`; SpaceError */
  openBlob(name: MirroredName, digest: OciDigest, isWhole: boolean): Promise<OpenBlob>;
  /** Of the datastore itself, as it is. @throws as `readManifest` */
  readList(
    name: MirroredName,
    kind: 'tags' | 'referrers',
    reference: string,
    query: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<MirroredList>;
}

export interface MirroredImagesDeps {
  readonly repositoryAt: (place: Place) => Repository;
  readonly content: ContentHere;
  readonly flights: BlobFlights;
  readonly tags: Pick<TagMemory, 'find' | 'note'>;
  readonly neighbours: Neighbours;
  readManifestLinks(bytes: Buffer): ManifestLinks;
  /** Monotonic. */
  nowMs(): number;
  readonly log: Log;
}

export interface MirroredImagesOptions {
  readonly any: AnyChoice;
  /** Whether registries are spoken to over https. */
  readonly isTls: boolean;
}

/** How long a datastore may take to say what a tag leads to, where it is known what it led to. */
const TAG_BUDGET_MS = 5000;
/** How long each of several datastores may take for a manifest. */
const OTHERS_BUDGET_MS = 10_000;
/** Who did not answer is not waited for again so soon, where there is another way. */
const AWAY_MS = 15_000;
const MAX_SIZES = 50_000;
const MAX_NAMES = 1000;
/** They say that a registry does not answer, and nothing of what it has. */
const AWAY_CODES = new Set([
  'DATASTORE_NOT_FOUND',
  'CONNECTION_FAILED',
  'CONNECTION_LOST',
  'STALLED',
  'NO_BRIDGE',
]);

class TooSlow extends Error {}

/** Whether a registry could not be asked: what it would have said is not known. */
function isAway(error: unknown): boolean {
  if (error instanceof TooSlow) return true;
  if (!(error instanceof CodedError)) return false;
  return (
    AWAY_CODES.has(error.code) || (error.code === 'HTTP_STATUS' && Number(error.details.statusCode) >= 500)
  );
}

/** Keeps the map from growing: what was put first goes. */
function bound(map: Map<string, unknown>, max: number): void {
  const [oldest] = map.keys();
  if (map.size > max && oldest !== undefined) map.delete(oldest);
}

const nameText = ({ host, repository }: MirroredName) => `${host}/${repository}`;

export function createMirroredImages(
  { repositoryAt, content, flights, tags, neighbours, readManifestLinks, nowMs, log }: MirroredImagesDeps,
  { any, isTls }: MirroredImagesOptions,
): MirroredImages {
  /** Of blobs, as manifests say it. */
  const sizes = new Map<string, number>();
  /** By host: until when it counts as one that does not answer. */
  const awayUntilMs = new Map<string, number>();
  /** By name: who had it last. */
  const lastOf = new Map<string, string>();

  const seemsAway = ({ registry }: Place) => (awayUntilMs.get(registry.host) ?? 0) > nowMs();
  function noteAway({ registry }: Place): void {
    awayUntilMs.delete(registry.host);
    awayUntilMs.set(registry.host, nowMs() + AWAY_MS);
    bound(awayUntilMs, MAX_NAMES);
  }
  function noteAnswer(name: MirroredName, { registry }: Place): void {
    awayUntilMs.delete(registry.host);
    lastOf.delete(nameText(name));
    lastOf.set(nameText(name), registry.origin);
    bound(lastOf, MAX_NAMES);
  }
  function noteSizes({ config, layers, children }: ManifestLinks): void {
    for (const each of [...(config === undefined ? [] : [config]), ...layers, ...children]) {
      sizes.set(formatDigest(each.digest), each.sizeBytes);
      bound(sizes, MAX_SIZES);
    }
  }

  /** Who may have it, the most promising first. It is listened for others when they are needed. */
  async function* placesOf(name: MirroredName, reference: ManifestReference): AsyncGenerator<Place> {
    const named = namedPlace(name, isTls);
    const last = lastOf.get(nameText(name));
    const asksOthers = mayAskOthers(any, reference, named !== null);
    const isPromising =
      named !== null && !seemsAway(named) && (last ?? named.registry.origin) === named.registry.origin;
    if (named !== null && (isPromising || !asksOthers)) yield named;
    if (asksOthers) {
      const rank = (place: Place) => (seemsAway(place) ? 2 : 0) + (place.registry.origin === last ? 0 : 1);
      const others = otherPlaces(name, await neighbours.list().catch(() => []), named);
      yield* others.sort((left, right) => rank(left) - rank(right));
      if (named !== null && !isPromising) yield named;
    }
  }

  function nowhere(name: MirroredName, reference: ManifestReference): MirrorError {
    const { host } = name;
    const why = mayAskOthers(any, reference, false)
      ? `no datastore that advertises itself on the bridges has images of ${host}`
      : `only hosts on .local are looked for, and ${host} is none (--any ${any})`;
    return new MirrorError('NOT_MIRRORED', why);
  }

  async function readAt(
    name: MirroredName,
    place: Place,
    reference: ManifestReference,
    signal: AbortSignal,
  ): Promise<FetchedManifest> {
    try {
      const manifest = await repositoryAt(place).client.readManifest(reference, signal);
      noteAnswer(name, place);
      return manifest;
    } catch (error) {
      if (isAway(error)) noteAway(place);
      throw error;
    }
  }

  /** From the first who has it; what the first who was asked says where nobody has. */
  async function fetchManifest(
    name: MirroredName,
    reference: ManifestReference,
    signal: AbortSignal,
  ): Promise<FetchedManifest> {
    const places = placesOf(name, reference);
    const { value: first } = await places.next();
    if (first === undefined) throw nowhere(name, reference);
    let failure: unknown;
    try {
      return await readAt(name, first, reference, signal);
    } catch (error) {
      signal.throwIfAborted();
      failure = error;
    }
    const others: Place[] = [];
    for await (const place of places) others.push(place);
    if (others.length === 0) throw failure;
    const until = AbortSignal.any([signal, AbortSignal.timeout(OTHERS_BUDGET_MS)]);
    const asked = others.map((place) => readAt(name, place, reference, until));
    // By digest whoever is first; of a tag in one order, so that the answer does not depend on who is quicker.
    if ('digest' in reference) return await Promise.any(asked).catch(() => Promise.reject(failure));
    for (const answer of await Promise.allSettled(asked))
      if (answer.status === 'fulfilled') return answer.value;
    throw failure;
  }

  /** Whether an image could be pulled with nobody else's help: of an index, one of its images. */
  async function isComplete(links: ManifestLinks, depth = 0): Promise<boolean> {
    if (links.kind === 'index') {
      if (depth > 3) return false;
      for (const { digest } of links.children) {
        const bytes = (await content.has(digest)) ? await content.read(digest) : null;
        if (bytes !== null && (await isComplete(readManifestLinks(bytes), depth + 1))) return true;
      }
      return false;
    }
    const layers = links.layers.filter(({ mediaType }) => !isNondistributable(mediaType));
    for (const { digest } of [...(links.config === undefined ? [] : [links.config]), ...layers]) {
      if (!(await content.has(digest))) return false;
    }
    return true;
  }

  /** What a tag led to, where all of it is here: no answer to HEAD promises what GET has not. */
  async function recall(name: MirroredName, tag: string): Promise<MirroredManifest | null> {
    const known = await tags.find(nameText(name), tag);
    const bytes = known === null ? null : await content.read(known.digest);
    if (known === null || bytes === null) return null;
    const links = readManifestLinks(bytes);
    if (!(await isComplete(links))) return null;
    const { mediaType } = links;
    return { bytes, digest: formatDigest(known.digest), mediaType, asOfMs: known.atMs };
  }

  async function keep(name: MirroredName, tag: string | null, manifest: FetchedManifest): Promise<void> {
    noteSizes(manifest.links);
    try {
      await content.write(manifest.digest, manifest.bytes);
      if (tag !== null) await tags.note(nameText(name), tag, manifest.digest);
    } catch (error) {
      // It is right all the same.
      log.warn({ image: nameText(name), reason: (error as Error).message }, 'a manifest cannot be kept');
    }
  }

  const now = ({ bytes, digest, mediaType }: Omit<FetchedManifest, 'links' | 'origin'>) => ({
    ...{ bytes, digest: formatDigest(digest), mediaType, asOfMs: null },
  });

  async function readByTag(name: MirroredName, tag: string, signal: AbortSignal): Promise<MirroredManifest> {
    const remembered = await recall(name, tag);
    const named = namedPlace(name, isTls);
    try {
      if (remembered !== null && named !== null && seemsAway(named)) throw new TooSlow();
      const slow = new AbortController();
      const until = remembered === null ? signal : AbortSignal.any([signal, slow.signal]);
      const timer = setTimeout(() => slow.abort(new TooSlow()), TAG_BUDGET_MS);
      try {
        const manifest = await fetchManifest(name, { tag }, until);
        await keep(name, tag, manifest);
        return now(manifest);
      } finally {
        clearTimeout(timer);
      }
    } catch (error) {
      if (remembered === null || signal.aborted || !(isAway(error) || error instanceof MirrorError))
        throw error;
      if (named !== null && error instanceof TooSlow && !seemsAway(named)) noteAway(named);
      const { digest, asOfMs } = remembered;
      const asOf = new Date(asOfMs ?? 0).toISOString();
      log.warn({ image: nameText(name), tag, digest, asOf }, 'nobody answers: a tag as it was');
      return remembered;
    }
  }

  return {
    async readManifest(name, reference, signal) {
      if ('tag' in reference) return await readByTag(name, reference.tag, signal);
      const { digest } = reference;
      const bytes = await content.read(digest);
      if (bytes !== null) {
        const links = readManifestLinks(bytes);
        noteSizes(links);
        return now({ bytes, digest, mediaType: links.mediaType });
      }
      const manifest = await fetchManifest(name, reference, signal);
      await keep(name, null, manifest);
      return now(manifest);
    },
    async openBlob(name, digest, isWhole) {
      const here = (await flights.join(digest)) ?? (await content.open(digest, isWhole));
      if (here !== null) return here;
      async function* sources() {
        for await (const place of placesOf(name, { digest })) yield repositoryAt(place).sourceOf(digest);
      }
      const sizeBytes = sizes.get(formatDigest(digest)) ?? null;
      const nobody = () => nowhere(name, { digest });
      return await flights.open({ digest, sizeBytes, host: name.host, sources, nobody });
    },
    async readList(name, kind, reference, query, signal) {
      // It is the word of whoever is asked, as that of a tag.
      const { value: place } = await placesOf(name, { tag: '' }).next();
      if (place === undefined) throw nowhere(name, { tag: '' });
      return await repositoryAt(place).client.readList(kind, reference, query, signal);
    },
  };
}
