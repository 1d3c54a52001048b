// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from 'node:crypto';
import { digestOfHex, type OciDigest, parseOciDigest } from '@local-datastore/shared/oci/digest';
import type * as z from 'zod';
import { plainHost } from '../../discovery/origin.ts';
import { toImageResolution } from '../../reconcile/image-resolution.ts';
import type { ContentRequest, ResolveRequest, StepDeps } from '../../reconcile/runtime.ts';
import { createManifestsAtHand } from '../../registry/manifests-at-hand.ts';
import type { Manifest } from '../../registry/registry-client.ts';
import { type PlatformWish, type ResolvedImage, resolveImage } from '../../registry/resolve-image.ts';
import type { DownloadEvent, DownloadObserver, DownloadResult } from '../../transfer/download-request.ts';
import type { AuditSink } from '../audit/audit-entry.ts';
import { JOB_KINDS, type JobKind } from '../calves/net/net-keys.ts';
import { outcomeSchemas, stateSchema } from '../calves/net/net-messages.ts';
import { readJson, toJson } from '../exchange/ask-messages.ts';
import { createLongReader, type LongReader, splitLong } from '../exchange/long-value.ts';
import { reviveError, type WireError } from '../exchange/wire-error.ts';
import { type KeyPath, keyPathText } from '../store/key-path.ts';
import type { KeyStore } from '../store/key-store.ts';
import type { VerifiedTarget } from './verified-target.ts';

/** A job is given to so many successors of a calf that died while it had it: it may be what they die of. */
const MAX_DEATHS = 5;
/** As what the audit log names this. */
const HANDLER = 'jobs';

/** What priv knows of a download, whatever the calf says. */
export interface DownloadJob {
  readonly url: string;
  readonly sizeBytes: number | null;
  readonly digest: OciDigest;
  /** Of the file that it is to become. */
  readonly path: string;
  readonly observer: DownloadObserver;
  /** What the calf fills; null: it has not asked for it yet. */
  served: VerifiedTarget | null;
  /** What a calf filled that is gone, while a body is still read into it; null: nothing. */
  outlived: VerifiedTarget | null;
}

/** What the service wants of the calf that speaks to the network: keys that it writes, and reads the outcome of. */
export interface NetJobs {
  readonly steps: Pick<StepDeps, 'download' | 'resolve' | 'probe'>;
  /**
   * What an image's name leads to, tried again as the failures of a registry have it.
   *
   * @throws as the step `resolve`
   */
  resolveImage(
    request: ResolveRequest,
    wish: PlatformWish,
    signal: AbortSignal,
  ): Promise<ResolvedImage<Manifest>>;
  /**
   * As the step `download`, to a file below the folder of `pathOf`, tried again as the failures of a datastore have it.
   *
   * @param path absolute
   */
  downloadTo(
    path: string,
    request: ContentRequest,
    observer: DownloadObserver,
    signal: AbortSignal,
  ): Promise<DownloadResult>;
  /** A download that is under way. */
  findDownload(id: string): DownloadJob | undefined;
  /** Ends one that is under way. */
  failDownload(id: string, error: Error): void;
  /** The hosts that what is under way is to come from, in lower case. */
  namedHosts(): ReadonlySet<string>;
  /** The calf is gone: what it was at is for its successor. */
  calfGone(): Promise<void>;
}

interface Job {
  readonly kind: JobKind;
  readonly host: string;
  readonly download: DownloadJob | null;
  readonly onState: (event: DownloadEvent) => void;
  readonly settle: (outcome: unknown) => void;
  readonly fail: (error: Error) => void;
  reader: LongReader;
  deaths: number;
}

export interface NetJobsDeps {
  readonly store: KeyStore;
  /** Is told of what the calf said that cannot be, or is not so. */
  readonly audit: AuditSink;
  /** The calf, as the log names it. */
  readonly actor: string;
  /** As whom priv writes. */
  readonly owner: string;
  /** Which image of several is that of this host. */
  readonly wish: PlatformWish;
  /** Where content of a digest is written. */
  pathOf(sha256: string): string;
}

/** Deletes the keys below a path, whoever wrote them. */
function clearBelow({ store, owner }: NetJobsDeps, path: KeyPath): void {
  for (const key of store.list(`/${path.join('/')}/**`)) store.delete(owner, key.path);
}

export function createNetJobs(deps: NetJobsDeps): NetJobs {
  const { store, audit, actor, owner, pathOf, wish } = deps;
  const jobs = new Map<string, Job>();
  const hostOf = (url: URL) => plainHost(url).toLowerCase();

  function noteLie(path: KeyPath, verdict: 'MALFORMED' | 'DENIED', value?: Uint8Array): void {
    const facts = { actor, op: 'write', path: keyPathText(path), verdict, handler: HANDLER };
    audit.append(value === undefined ? facts : { ...facts, value });
  }

  for (const kind of JOB_KINDS) {
    const find = (id: string | undefined) => {
      const job = jobs.get(id ?? '');
      return job?.kind === kind ? job : undefined;
    };
    store.watch(`/${kind}/*/state`, ({ path, value }) => {
      if (value === null) return;
      const event = stateSchema.safeParse(readJson(value));
      if (event.success) find(path[1])?.onState(event.data);
      else noteLie(path, 'MALFORMED', value);
    });
    store.watch(`/${kind}/*/outcome/*`, ({ path, value }) => {
      const job = find(path[1]);
      const bytes = value === null ? undefined : job?.reader.take(path.at(-1) ?? '', value);
      if (bytes !== undefined) job?.settle(readJson(bytes));
    });
  }

  /** @throws what came of it; the signal's reason */
  async function carryOut<Outcome>(
    kind: JobKind,
    order: object,
    schema: z.ZodType<{ readonly error: WireError } | { readonly done: Outcome }>,
    { host, download, onState }: Pick<Job, 'host' | 'download' | 'onState'>,
    signal: AbortSignal,
  ) {
    signal.throwIfAborted();
    const id = randomUUID().replaceAll('-', '');
    const done = Promise.withResolvers<unknown>();
    const job: Job = {
      ...{ kind, host, download, onState, settle: done.resolve, fail: done.reject },
      ...{ reader: createLongReader(), deaths: 0 },
    };
    const onAbort = () => done.reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    jobs.set(id, job);
    try {
      for (const { path, value } of splitLong([kind, id, 'order'], toJson(order))) {
        store.write(owner, path, value);
      }
      const outcome = schema.safeParse(await done.promise);
      if (!outcome.success) {
        noteLie([kind, id, 'outcome'], 'MALFORMED');
        throw new Error('what came of it cannot be read');
      }
      // What the verifier or the disk says counts more than how it looks from there.
      if ('error' in outcome.data) throw download?.served?.failure ?? reviveError(outcome.data.error);
      return outcome.data.done;
    } finally {
      signal.removeEventListener('abort', onAbort);
      jobs.delete(id);
      clearBelow(deps, [kind, id]);
      await Promise.all([download?.served?.close(), download?.outlived?.close()]);
    }
  }

  /** Of what the calf had begun, a body that is read without it is read on. */
  async function leaveTarget(download: DownloadJob): Promise<void> {
    const { served } = download;
    download.served = null;
    if (served?.isReceiving !== true) {
      await served?.close();
      return;
    }
    download.outlived = served;
    void served.outlive();
  }

  const ignoreState = () => {};
  const alone = (url: URL) => ({ host: hostOf(url), download: null, onState: ignoreState });
  const listed = <Request extends Pick<ContentRequest, 'avoidedAddresses'>>(request: Request) => ({
    ...request,
    avoidedAddresses: [...request.avoidedAddresses],
  });

  /** Has content fetched to a file. */
  async function download(
    { url, sha256, sizeBytes, registry, authorization, ca, avoidedAddresses }: ContentRequest,
    { path, isPersistent }: { readonly path: string; readonly isPersistent: boolean },
    observer: DownloadObserver,
    signal: AbortSignal,
  ): Promise<DownloadResult> {
    let position = 0;
    const job: DownloadJob = {
      ...{ url: url.href, digest: digestOfHex(sha256), path },
      // A manifest is small: one of which nobody said how small is none.
      sizeBytes: registry?.kind === 'manifest' ? (sizeBytes ?? 0) : sizeBytes,
      ...{ served: null, outlived: null },
      observer: {
        onEvent: observer.onEvent,
        onProgress(bytes) {
          position = bytes;
          observer.onProgress(bytes);
        },
      },
    };
    const asked = { url, sha256, sizeBytes, registry, authorization, ca, avoidedAddresses, isPersistent };
    const about = {
      ...{ host: hostOf(registry?.image.registry ?? url), download: job },
      onState: (event: DownloadEvent) => observer.onEvent(event),
    };
    const told = await carryOut('download', listed(asked), outcomeSchemas.download, about, signal);
    const served = job.served as VerifiedTarget | null;
    if (served?.verdict?.kind !== 'accepted') {
      noteLie(['download'], 'DENIED');
      throw new Error('it was said that the content is here, and it is not');
    }
    return {
      ...{ ...told, sizeBytes: position, digest: served.verdict.digest, verifiedAgainst: 'request' },
      // They are counted here as well, and go into the metrics.
      ...{
        receivedBytes: served.receivedBytes,
        resumedFromBytes: Math.min(told.resumedFromBytes, position),
      },
    };
  }

  /** Asks which image a name stands for. */
  async function askFor(
    { image, authorization, ca, avoidedAddresses }: ResolveRequest,
    how: { readonly isPersistent: boolean; readonly wantsDocuments: boolean },
    signal: AbortSignal,
  ) {
    const order = listed({ image, authorization, ca, avoidedAddresses, ...how });
    return await carryOut('resolve', order, outcomeSchemas.resolve, alone(image.registry), signal);
  }
  type Told = Awaited<ReturnType<typeof askFor>>;

  /** A digest says which image is meant, whatever is said of it: each document is read for its digest alone. */
  async function follow(
    { documents }: Told,
    image: Pick<ResolveRequest['image'], 'name' | 'tag'> & { readonly digest: OciDigest | undefined },
    platform: PlatformWish,
    signal: AbortSignal,
  ): Promise<ResolvedImage<Manifest>> {
    const { digest } = image;
    const source = createManifestsAtHand(
      documents.map(({ mediaType, base64 }) => ({ mediaType, bytes: Buffer.from(base64, 'base64') })),
    );
    try {
      if (digest === undefined) throw new Error('it is said to have a digest that is none');
      return await resolveImage(source, { ...image, digest }, platform, signal);
    } catch (error) {
      noteLie(['resolve'], 'DENIED');
      const message = `what was said of ${image.name} does not follow from its digest`;
      throw new Error(message, { cause: error });
    }
  }

  const steps: NetJobs['steps'] = {
    async download(request, observer, signal) {
      const place = { path: pathOf(request.sha256), isPersistent: false };
      return await download(request, place, observer, signal);
    },
    async resolve(request, signal) {
      const { image } = request;
      const { digest } = image;
      const how = { isPersistent: false, wantsDocuments: digest !== null };
      const told = await askFor(request, how, signal);
      if (digest === null) return told.resolution;
      return toImageResolution(await follow(told, { ...image, digest }, wish, signal));
    },
    async probe(url, signal) {
      return await carryOut('probe', { url }, outcomeSchemas.probe, alone(url), signal);
    },
  };

  return {
    steps,
    async resolveImage(request, platform, signal) {
      const { image } = request;
      const told = await askFor(request, { isPersistent: true, wantsDocuments: true }, signal);
      // What a tag leads to is for the registry to say: there is nothing to hold it against.
      const digest = image.digest ?? parseOciDigest(told.resolution.digest);
      return await follow(told, { ...image, digest }, platform, signal);
    },
    downloadTo: (path, request, ...rest) => download(request, { path, isPersistent: true }, ...rest),
    findDownload: (id) => jobs.get(id)?.download ?? undefined,
    failDownload: (id, error) => jobs.get(id)?.fail(error),
    namedHosts: () => new Set([...jobs.values()].map(({ host }) => host)),
    async calfGone() {
      for (const job of jobs.values()) {
        job.deaths += 1;
        job.reader = createLongReader();
        if (job.download !== null) await leaveTarget(job.download);
        if (job.deaths > MAX_DEATHS) {
          job.fail(new Error(`the process that speaks to the network ended ${job.deaths} times over it`));
        }
      }
    },
  };
}
