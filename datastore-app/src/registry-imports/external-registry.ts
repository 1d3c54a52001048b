// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@local-datastore/shared/clock';
import type { Log } from '@local-datastore/shared/log';
import { formatDigest, type OciDigest } from '@local-datastore/shared/oci/digest';
import { parseManifest } from '@local-datastore/shared/oci/manifest';
import { formatManifestReference, type ManifestReference } from '@local-datastore/shared/oci/reference';
import { RegistryError } from '../blobs/registry-error.ts';
import type { OpenBlob, RegistryStore, StoredManifest } from '../blobs/registry-store.ts';
import type { ReferenceRecord, RepositoryRecord } from '../blobs/repository-record.ts';
import { storedLinks } from '../registry/manifest-content.ts';
import { createAnswerMemory } from '../upstream/answer-memory.ts';
import type { Flights } from '../upstream/flights.ts';
import type { UpstreamClient } from '../upstream/upstream-client.ts';
import { UpstreamError } from '../upstream/upstream-error.ts';
import type { ImportSource } from './import-clients.ts';
import { parseImportSource, wantedReference } from './import-source.ts';
import { referenceOf } from './reach.ts';

export interface ExternalRegistryDeps {
  readonly log: Log;
  readonly store: RegistryStore;
  /** @throws RegistryError REPOSITORY_UNREADABLE */
  recordOf(repository: string): RepositoryRecord | undefined;
  readonly flights: Pick<Flights, 'open' | 'list'>;
  createClient(source: ImportSource): Promise<UpstreamClient>;
  readonly clock: Clock;
}

/** Beyond it nothing is asked for any more for one request. */
const REQUEST_MS = 60_000;
/** Connections are kept for so many sources; the others begin anew. */
const MAX_CLIENTS = 50;

const failed = (error: UpstreamError) =>
  new RegistryError('UPSTREAM_FAILED', `${error.message}; and nothing of it is here.`, {
    cause: error,
    retryable: error.retryable,
  });

/** Undefined for what an upstream does not have; other failures are said as the registry says them. */
async function unlessMissing<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof UpstreamError)) throw error;
    if (error.code === 'NOT_FOUND') return undefined;
    throw failed(error);
  }
}

/**
 * Fetches images that are here as references alone, when they are asked for: the manifest first, then each blob by
 * the flights of all imports. What has come stays.
 */
export function createExternalRegistry(deps: ExternalRegistryDeps): RegistryStore {
  const { log, store, flights, clock } = deps;
  const clients = new Map<string, Promise<UpstreamClient>>();
  const memory = createAnswerMemory(clock);
  /** Manifests on their way, by repository and reference. */
  const fetching = new Map<string, Promise<StoredManifest>>();

  function clientOf({ source, isInsecure }: ReferenceRecord): Promise<UpstreamClient> {
    const key = `${source} ${isInsecure === true}`;
    const known =
      clients.get(key) ?? deps.createClient({ source, isInsecure: isInsecure === true, isAdmin: true });
    clients.delete(key);
    clients.set(key, known);
    known.catch(() => clients.delete(key));
    for (const [oldest, client] of clients) {
      if (clients.size <= MAX_CLIENTS) break;
      clients.delete(oldest);
      client.then(
        ({ close }) => close(),
        () => {},
      );
    }
    return known;
  }

  function sourceOf({ source }: ReferenceRecord) {
    const parsed = parseImportSource(source);
    if (parsed.kind === 'parsed') return parsed.value;
    throw new UpstreamError('INVALID', parsed.reason);
  }

  /** Asks a registry, unless it has just refused. @throws UpstreamError */
  async function ask<T>(host: string, key: string, work: () => Promise<T>): Promise<T> {
    const refusal = memory.refusalOf(key);
    if (refusal !== undefined) throw refusal;
    try {
      const result = await work();
      memory.noteOnce(host, key, undefined);
      return result;
    } catch (error) {
      if (error instanceof UpstreamError) memory.noteOnce(host, key, error);
      throw error;
    }
  }

  async function inTime<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const controller = new AbortController();
    const cancel = clock.after(REQUEST_MS, () =>
      controller.abort(
        new UpstreamError('UNREACHABLE', 'the registry does not answer in time', { retryable: true }),
      ),
    );
    try {
      return await work(controller.signal);
    } finally {
      cancel();
    }
  }

  async function fetchManifest(
    repository: string,
    record: ReferenceRecord,
    wanted: ManifestReference,
    tag: string | undefined,
  ): Promise<StoredManifest> {
    const { host, repository: theirs } = sourceOf(record);
    const key = `${repository} ${tag ?? formatManifestReference(wanted)} ${record.source}`;
    const document = await ask(host, key, () =>
      inTime(async (signal) => (await clientOf(record)).readManifest(theirs, wanted, signal)),
    );
    const { digest, mediaType, bytes } = document;
    await store.putManifest(repository, {
      ...{ digest, mediaType, bytes, by: `import:${host}`, tags: tag === undefined ? [] : [tag] },
      ...storedLinks(parseManifest(bytes, mediaType)),
      ...{ isSparse: true, isFetched: true },
    });
    log.info({ repository, tag, digest: formatDigest(digest), from: host }, 'a reference was fetched');
    return document;
  }

  /** What is not here, where something refers to it; of several who want it at once, all get the same. */
  async function fetchMissing(
    repository: string,
    reference: ManifestReference,
  ): Promise<StoredManifest | undefined> {
    const record = deps.recordOf(repository);
    if (record?.references === undefined) return undefined;
    const isTag = 'tag' in reference;
    const found = isTag
      ? record.references.get(reference.tag)
      : referenceOf(record, formatDigest(reference.digest), 'manifest');
    if (found === undefined) return undefined;
    const key = `${repository} ${formatManifestReference(reference)}`;
    const current =
      fetching.get(key) ??
      fetchManifest(
        repository,
        found,
        isTag ? wantedReference(sourceOf(found)) : reference,
        isTag ? reference.tag : undefined,
      ).finally(() => fetching.delete(key));
    fetching.set(key, current);
    return unlessMissing(current);
  }

  const readManifest: RegistryStore['readManifest'] = async (repository, reference) =>
    (await store.readManifest(repository, reference)) ?? fetchMissing(repository, reference);

  async function fetchBlob(
    repository: string,
    reference: ReferenceRecord,
    digest: OciDigest,
    sizeBytes: number,
  ): Promise<OpenBlob | undefined> {
    const { host, repository: upstreamRepository } = sourceOf(reference);
    const text = formatDigest(digest);
    const open = async () => {
      const client = await clientOf(reference);
      return flights.open({ client, upstreamRepository, repository, digest, sizeBytes });
    };
    // What is on its way already is waited for, whatever else the registry refused.
    const isArriving = flights.list().some((flight) => flight.digest === text);
    const why = isArriving ? undefined : memory.whyAway(host);
    if (why !== undefined) throw why;
    const arriving = await (isArriving ? open() : ask(host, `blob ${repository} ${text}`, open));
    return arriving ?? store.openBlob(repository, digest);
  }

  async function openBlob(repository: string, digest: OciDigest): Promise<OpenBlob | undefined> {
    const there = await store.openBlob(repository, digest);
    const record = there === undefined ? deps.recordOf(repository) : undefined;
    const found =
      record?.references === undefined ? undefined : referenceOf(record, formatDigest(digest), 'blob');
    // Only what a manifest names can be asked for: it says how large it is.
    const sizeBytes = found && store.namedSize(repository, digest);
    if (found === undefined || sizeBytes === undefined) return there;
    return unlessMissing(fetchBlob(repository, found, digest, sizeBytes));
  }

  return {
    ...store,
    readManifest,
    openBlob,

    async statManifest(repository, reference) {
      const here = await store.statManifest(repository, reference);
      if (here !== undefined) return here;
      const manifest = await fetchMissing(repository, reference);
      if (manifest === undefined) return undefined;
      const { digest, mediaType, bytes } = manifest;
      return { digest, mediaType, sizeBytes: bytes.length };
    },

    async statBlob(repository, digest, options) {
      const there = await store.statBlob(repository, digest, options);
      if (there !== undefined) return there;
      // What is said to be there can be had: it is on its way once it has been said.
      const opened = await openBlob(repository, digest);
      opened?.source.close();
      return opened && { digest, sizeBytes: opened.sizeBytes };
    },
  };
}
