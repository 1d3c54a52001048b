// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from 'node:crypto';
import { digestOfHex, type OciDigest } from '@local-datastore/shared/oci/digest';
import type * as z from 'zod';
import { plainHost } from '../../discovery/origin.ts';
import { toImageResolution } from '../../reconcile/image-resolution.ts';
import type { ContentRequest, StepDeps } from '../../reconcile/runtime.ts';
import { createManifestsAtHand } from '../../registry/manifests-at-hand.ts';
import { type PlatformWish, resolveImage } from '../../registry/resolve-image.ts';
import type { DownloadEvent, DownloadObserver } from '../../transfer/download-request.ts';
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

  const steps: NetJobs['steps'] = {
    async download(request, observer, signal) {
      const { url, sha256, sizeBytes, registry, authorization, ca, avoidedAddresses } = request;
      let position = 0;
      const download: DownloadJob = {
        ...{ url: url.href, digest: digestOfHex(sha256) },
        // A manifest is small: one of which nobody said how small is none.
        sizeBytes: registry?.kind === 'manifest' ? (sizeBytes ?? 0) : sizeBytes,
        ...{ served: null, outlived: null },
        path: pathOf(sha256),
        observer: {
          onEvent: observer.onEvent,
          onProgress(bytes) {
            position = bytes;
            observer.onProgress(bytes);
          },
        },
      };
      const order = listed({ url, sha256, sizeBytes, registry, authorization, ca, avoidedAddresses });
      const about = {
        ...{ host: hostOf(registry?.image.registry ?? url), download },
        onState: (event: DownloadEvent) => observer.onEvent(event),
      };
      const told = await carryOut('download', order, outcomeSchemas.download, about, signal);
      const served = download.served as VerifiedTarget | null;
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
    },
    async resolve({ image, authorization, ca, avoidedAddresses }, signal) {
      const order = listed({ image, authorization, ca, avoidedAddresses });
      const about = alone(image.registry);
      const told = await carryOut('resolve', order, outcomeSchemas.resolve, about, signal);
      if (image.digest === null) return told.resolution;
      // A digest says which image is meant, whatever is said of it: each document is read for its digest alone.
      const documents = told.documents.map(({ mediaType, base64 }) => ({
        ...{ mediaType, bytes: Buffer.from(base64, 'base64') },
      }));
      try {
        return toImageResolution(await resolveImage(createManifestsAtHand(documents), image, wish, signal));
      } catch (error) {
        noteLie(['resolve'], 'DENIED');
        const message = `what was said of ${image.name} does not follow from its digest`;
        throw new Error(message, { cause: error });
      }
    },
    async probe(url, signal) {
      return await carryOut('probe', { url }, outcomeSchemas.probe, alone(url), signal);
    },
  };

  return {
    steps,
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
