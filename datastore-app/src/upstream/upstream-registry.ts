// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@local-datastore/shared/clock';
import { errorMessage } from '@local-datastore/shared/errors';
import type { Log } from '@local-datastore/shared/log';
import { formatDigest, type OciDigest } from '@local-datastore/shared/oci/digest';
import type { ManifestDocument } from '@local-datastore/shared/oci/image-archive';
import { parseManifest } from '@local-datastore/shared/oci/manifest';
import { isNondistributable } from '@local-datastore/shared/oci/media-types';
import { formatManifestReference } from '@local-datastore/shared/oci/reference';
import { RegistryError } from '../blobs/registry-error.ts';
import type { ManifestReference, OpenBlob, RegistryStore, StoredManifest } from '../blobs/registry-store.ts';
import { type ArrivingSegment, type ByteSource, byteSourceOf } from '../content/byte-source.ts';
import { createAnswerMemory, FAILURE_MS } from './answer-memory.ts';
import type { Flights } from './flights.ts';
import { spread } from './spread.ts';
import type { UpstreamClient } from './upstream-client.ts';
import { UpstreamError } from './upstream-error.ts';
import { type Backing, findBacking, type Upstream } from './upstream-settings.ts';

export interface UpstreamRegistryDeps {
  readonly log: Log;
  readonly store: RegistryStore;
  readonly flights: Pick<Flights, 'open' | 'list'>;
  /** Those that are configured now. */
  upstreams(): readonly Upstream[];
  clientOf(upstream: Upstream): UpstreamClient;
  /** Is told how each request to an upstream went; that it lacks something is no failure. */
  readonly noteAnswer?: (upstream: Upstream, failure: UpstreamError | undefined) => void;
  readonly clock: Clock;
  /** From 0 to 1: spreads the checks of many sites. Absent: they come when they are due. */
  readonly random?: () => number;
}

/** Beyond it nothing is asked of an upstream any more for one request. */
const REQUEST_MS = 60_000;

const failed = (error: UpstreamError) =>
  new RegistryError('UPSTREAM_FAILED', `${error.message}; and nothing of it is here.`, {
    cause: error,
    retryable: error.retryable,
  });

/** @throws RegistryError READ_ONLY for what comes from an upstream */
export function requireNoUpstream(upstreams: readonly Upstream[], repository: string): void {
  const upstream = findBacking(upstreams, repository)?.upstream;
  if (upstream === undefined) return;
  throw new RegistryError(
    'READ_ONLY',
    `Repositories below ${upstream.prefix}/ come from ${upstream.url.host}: push there, or to another name.`,
  );
}
/** The same bytes; where they do not come, it is said as of everything else. */
const inWordsOfTheRegistry = ({ segments }: ByteSource): ByteSource =>
  byteSourceOf(
    segments.map((segment) => {
      if (segment.kind !== 'arriving') return segment;
      const fill: ArrivingSegment['fill'] = (piece, offset, callback) =>
        segment.fill(piece, offset, (error) =>
          callback(error instanceof UpstreamError ? failed(error) : error),
        );
      return { ...segment, fill };
    }),
  );

/**
 * Shows repositories of upstreams beside those that were pushed: what is asked for and missing is imported, and served
 * from here ever after. The digest is the identity; a tag that has moved upstream is a further version here.
 */
export function createUpstreamRegistry(deps: UpstreamRegistryDeps): RegistryStore {
  const { log, store, flights, clock, random = () => 0.5 } = deps;
  const memory = createAnswerMemory(clock, random);
  /** Manifests on their way, by repository and reference. */
  const importing = new Map<string, Promise<StoredManifest>>();

  const backingOf = (repository: string): Backing | undefined => {
    const backing = findBacking(deps.upstreams(), repository);
    return backing?.upstream.allows(backing.repository) === true ? backing : undefined;
  };

  /** Takes over how a request went; that something is lacking is an answer. */
  const noteAnswer = (upstream: Upstream, failure: UpstreamError | undefined) =>
    deps.noteAnswer?.(upstream, failure?.code === 'NOT_FOUND' ? undefined : failure);

  /** Asks an upstream, unless it has just refused. @throws UpstreamError */
  async function ask<T>(
    upstream: Upstream,
    key: string,
    limitMs: number,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const refusal = memory.refusalOf(key);
    if (refusal !== undefined) throw refusal;
    const controller = new AbortController();
    const cancel = clock.after(limitMs, () =>
      controller.abort(
        new UpstreamError('UNREACHABLE', 'the upstream does not answer in time', { retryable: true }),
      ),
    );
    try {
      const result = await work(controller.signal);
      memory.note(upstream, key, undefined);
      noteAnswer(upstream, undefined);
      return result;
    } catch (error) {
      if (error instanceof UpstreamError) {
        memory.note(upstream, key, error);
        noteAnswer(upstream, error);
      }
      throw error;
    } finally {
      cancel();
    }
  }

  async function keep(
    { upstream }: Backing,
    repository: string,
    { digest, mediaType, bytes }: ManifestDocument,
    tag: string | undefined,
  ): Promise<StoredManifest> {
    const links = parseManifest(bytes, mediaType);
    const blobs = (links.config === undefined ? links.layers : [links.config, ...links.layers]).filter(
      (each) => !isNondistributable(each.mediaType),
    );
    await store.putManifest(repository, {
      ...{ bytes, mediaType, digest, blobs, by: `upstream:${upstream.url.host}` },
      tags: tag === undefined ? [] : [tag],
      children: links.children.map((child) => child.digest),
      subject: links.subject?.digest,
      artifactType: links.artifactType,
      isSparse: true,
    });
    log.info(
      { repository, tag, digest: formatDigest(digest), from: upstream.url.host },
      'an image was imported',
    );
    return { digest, mediaType, bytes };
  }

  /** Imports a manifest; of several who want it at once, all get the same. */
  function importManifest(
    backing: Backing,
    repository: string,
    reference: ManifestReference,
  ): Promise<StoredManifest> {
    const text = formatManifestReference(reference);
    const key = `${repository} ${text}`;
    const client = deps.clientOf(backing.upstream);
    const current =
      importing.get(key) ??
      ask(backing.upstream, key, REQUEST_MS, (signal) =>
        client.readManifest(backing.repository, reference, signal),
      )
        .then((document) =>
          keep(backing, repository, document, 'tag' in reference ? reference.tag : undefined),
        )
        .finally(() => importing.delete(key));
    importing.set(key, current);
    return current;
  }

  /** What a tag leads to, asked anew from time to time; what is here answers where the upstream does not. */
  async function readTag(
    backing: Backing,
    repository: string,
    tag: string,
  ): Promise<StoredManifest | undefined> {
    const { upstream } = backing;
    const here = await store.readManifest(repository, { tag });
    const key = `${repository} ${tag}`;
    if (here === undefined) return importOrNothing(backing, repository, { tag });
    const before = memory.lastOf(key);
    const checkMs = spread(upstream.checkMs, before?.random ?? 0.5);
    if (memory.isYounger(key, before?.failure === undefined ? checkMs : FAILURE_MS)) return here;
    try {
      const now = await ask(upstream, key, upstream.budgetMs, (signal) =>
        deps.clientOf(upstream).resolveTag(backing.repository, tag, signal),
      );
      if (now !== undefined && formatDigest(now) === formatDigest(here.digest)) return here;
      return await importManifest(backing, repository, { tag });
    } catch (error) {
      if (!(error instanceof UpstreamError)) throw error;
      log.info(
        { repository, tag, reason: errorMessage(error) },
        'an upstream gives no word: what is here is served',
      );
      return here;
    }
  }

  async function importOrNothing(
    backing: Backing,
    repository: string,
    reference: ManifestReference,
  ): Promise<StoredManifest | undefined> {
    try {
      return await importManifest(backing, repository, reference);
    } catch (error) {
      if (!(error instanceof UpstreamError)) throw error;
      if (error.code === 'NOT_FOUND') return undefined;
      throw failed(error);
    }
  }

  async function readManifest(
    repository: string,
    reference: ManifestReference,
  ): Promise<StoredManifest | undefined> {
    const backing = backingOf(repository);
    if (backing === undefined) return store.readManifest(repository, reference);
    if ('tag' in reference) return readTag(backing, repository, reference.tag);
    return (
      (await store.readManifest(repository, reference)) ?? importOrNothing(backing, repository, reference)
    );
  }

  const isArriving = (digest: OciDigest) => {
    const text = formatDigest(digest);
    return flights.list().some((flight) => flight.digest === text);
  };

  async function openBlob(repository: string, digest: OciDigest): Promise<OpenBlob | undefined> {
    const there = await store.openBlob(repository, digest);
    const backing = backingOf(repository);
    if (there !== undefined || backing === undefined) return there;
    // Only what a manifest names can be asked for: it says how large it is.
    const sizeBytes = store.namedSize(repository, digest);
    if (sizeBytes === undefined) return undefined;
    const { upstream, repository: upstreamRepository } = backing;
    const client = deps.clientOf(upstream);
    const key = `blob ${repository} ${formatDigest(digest)}`;
    try {
      // What is on its way already is waited for, whatever else the upstream refused. Manifests are asked for
      // nevertheless: with them it is found out that it is back.
      const refusal = isArriving(digest) ? undefined : (memory.refusalOf(key) ?? memory.whyAway(upstream));
      if (refusal !== undefined) throw refusal;
      const arriving = await flights
        .open({ client, upstreamRepository, repository, digest, sizeBytes })
        .catch((error: unknown) => {
          if (error instanceof UpstreamError) {
            memory.noteOnce(upstream, key, error);
            noteAnswer(upstream, error);
          }
          throw error;
        });
      memory.noteOnce(upstream, key, undefined);
      noteAnswer(upstream, undefined);
      if (arriving === undefined) return store.openBlob(repository, digest);
      return { ...arriving, source: inWordsOfTheRegistry(arriving.source) };
    } catch (error) {
      if (!(error instanceof UpstreamError)) throw error;
      if (error.code === 'NOT_FOUND') return undefined;
      throw failed(error);
    }
  }

  const requireOwn = (repository: string) => requireNoUpstream(deps.upstreams(), repository);

  return {
    ...store,
    readManifest,
    openBlob,

    async statManifest(repository, reference) {
      if (backingOf(repository) === undefined) return store.statManifest(repository, reference);
      const manifest = await readManifest(repository, reference);
      if (manifest === undefined) return undefined;
      const { digest, mediaType, bytes } = manifest;
      return { digest, mediaType, sizeBytes: bytes.length };
    },

    async statBlob(repository, digest, options) {
      const there = await store.statBlob(repository, digest, options);
      if (there !== undefined || backingOf(repository) === undefined) return there;
      // What is said to be there can be had: it is on its way once it has been said.
      const opened = await openBlob(repository, digest);
      opened?.source.close();
      return opened && { digest, sizeBytes: opened.sizeBytes };
    },

    async createUpload(repository, options) {
      requireOwn(repository);
      return store.createUpload(repository, options);
    },
    async mountBlob(digest, options) {
      requireOwn(options.to);
      return store.mountBlob(digest, options);
    },
    async refer(repository, tag, reference) {
      requireOwn(repository);
      return store.refer(repository, tag, reference);
    },
    async putManifest(repository, manifest) {
      requireOwn(repository);
      return store.putManifest(repository, manifest);
    },
    async renameTag(repository, tag, to) {
      requireOwn(repository);
      return store.renameTag(repository, tag, to);
    },
    async tagNextVersion(repository, digest, by) {
      requireOwn(repository);
      return store.tagNextVersion(repository, digest, by);
    },
    async renameRepository(repository, to) {
      requireOwn(repository);
      requireOwn(to);
      return store.renameRepository(repository, to);
    },
  };
}
