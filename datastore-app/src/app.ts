// SPDX-License-Identifier: Apache-2.0
import type { IsOwnName } from '@local-datastore/shared/http/request-origin';
import type { Log } from '@local-datastore/shared/log';
import type { Guard } from './access/guard.ts';
import type { OpenRegistryAccess } from './access/open-registry-access.ts';
import type { Places } from './access/places.ts';
import { createActivity, observeAdvertising } from './activity/activity.ts';
import type { LogLines } from './activity/log-lines.ts';
import type { Advertiser, AdvertisingObserver } from './advertise/advertiser.ts';
import { joinRegistry } from './archives/joined-registry.ts';
import type { OpenArchives } from './archives/open-archives.ts';
import { isBlobPath } from './blobs/blob-files.ts';
import type { Registry } from './blobs/open-registry.ts';
import { warningsOf } from './blobs/registry-state.ts';
import type { Changes } from './changes/open-changes.ts';
import { collectAll } from './content/collect.ts';
import type { Hasher } from './content/hasher.ts';
import type { AccessLogChoice } from './http/access-log.ts';
import type { ConnectionLimits } from './http/limits.ts';
import { createRequestHandler } from './http/request-handler.ts';
import { type Listener, type ListenOptions, listen } from './http/server.ts';
import { describeCaseTwins } from './images/case-twins.ts';
import { type Catalogue, fileBelow } from './images/catalogue.ts';
import type { ImageStore } from './images/image-store.ts';
import { describeKeptNames } from './images/kept-names.ts';
import type { Verification } from './images/verification.ts';
import { watchNames } from './images/watch-names.ts';
import type { OpenImports } from './registry-imports/open-imports.ts';
import type { OpenParser } from './sandbox/monitor/open-parser.ts';
import { scrub, watchInbox } from './scrub/scrub.ts';
import type { VerificationInbox } from './scrub/verification-inbox.ts';
import type { CertificateSource } from './tls/certificate-source.ts';
import { keepUp } from './uploads/upkeep.ts';
import type { Uploads } from './uploads/uploads.ts';
import type { ImageUpstreams } from './upstream/images/open-image-upstreams.ts';
import type { OpenUpstreams } from './upstream/open-upstreams.ts';

export interface AppDeps {
  readonly log: Log;
  /** Where requests are logged. */
  readonly requestLog: Log;
  /** The last lines of both. */
  readonly logLines: LogLines;
  /** Who changed what. */
  readonly changes: Changes;
  readonly catalogue: Catalogue;
  readonly store: ImageStore;
  readonly uploads: Uploads;
  readonly inbox: VerificationInbox;
  readonly scrubHasher: Pick<Hasher, 'hash'>;
  /** For operations that read images again. */
  readonly operationHasher: Pick<Hasher, 'hash'>;
  /** Of container images; undefined: it is off. */
  readonly registry: Registry | undefined;
  /** Tells what files are. */
  readonly parsing: OpenParser;
  /** Container archives among the images, which the registry shows as well. */
  readonly archives: OpenArchives;
  /** Other registries, from which it imports. */
  readonly upstreams: OpenUpstreams;
  /** From where images come that are not here. */
  readonly imageUpstreams: ImageUpstreams;
  /** What is imported from them at once, when somebody asks for it. */
  readonly openImports: OpenImports;
  readonly guard: Guard;
  readonly access: OpenRegistryAccess;
  /** Whether page and API can be asked for by a name. */
  readonly isOwnName: IsOwnName;
  /** Where clients are told to find it. */
  readonly places: Places;
  /** Hears of the HTTP port once it is listened on. */
  onListening?(port: number): void;
  /** undefined: TLS is off. */
  readonly certificates: CertificateSource | undefined;
  /** From the ports that are really listened on, which are known only then; undefined: no advertising. */
  createAdvertiser(
    ports: { readonly http: number; readonly https: number | undefined },
    observer: AdvertisingObserver,
  ): Advertiser | undefined;
}

type Place = Omit<ListenOptions, 'tls' | 'limits'>;

export interface AppOptions {
  readonly version: string;
  /** Without symbolic links. */
  readonly root: string;
  /** With `.local`; what EVE is told to ask for, also where nothing is advertised. */
  readonly hostName: string;
  /** Names whose pages may change something, whatever their port; in lower case. */
  readonly trustedHosts: readonly string[];
  readonly http: Place;
  /** Where TLS is on. */
  readonly https: Place;
  readonly drainMs: number;
  readonly limits: ConnectionLimits;
  readonly quotaBytes: number | undefined;
  readonly reserveBytes: number;
  readonly accessLog: AccessLogChoice;
  /** How often the registry collects what belongs to no image; undefined: never. */
  readonly collectEveryMs: number | undefined;
  /** How often every image is read again; 0: never. */
  readonly scrubIntervalMs: number;
}

/**
 * Serves and advertises until the signal aborts; then says goodbye, finishes what is in flight, and returns.
 *
 * @throws ConfigurationError when a port cannot be had
 */
export async function runApp(deps: AppDeps, options: AppOptions, signal: AbortSignal): Promise<void> {
  const { log, catalogue, store, uploads, registry, archives, upstreams, imageUpstreams, certificates } =
    deps;
  const { principals, issueToken, accessTo } = deps.access;
  const { limits } = options;
  const activity = createActivity();
  let advertiser: Advertiser | undefined;
  let ports: { http: number | null; https: number | null } = { http: null, https: null };
  const advertiserStatus = () => advertiser?.status();
  const { paths, revision } = catalogue;
  const names = { paths, revision, nowMs: () => performance.now() };
  const aboutNames = [watchNames(names, describeKeptNames), watchNames(names, describeCaseTwins)];
  const stored = registry && joinRegistry(registry, archives.registry);
  const imports = registry && stored && deps.openImports(upstreams.extend(stored), registry);
  const handler = createRequestHandler(
    {
      ...deps,
      images: stored && imports && { stored, shown: imports.shown },
      imports: imports?.jobs,
      activity,
      advertiserStatus,
      ...{ issueToken, accessTo },
      ports: () => ports,
      stopping: signal,
      warnings: () => [
        ...aboutNames.flatMap((told) => told() ?? []),
        ...(registry === undefined ? [] : warningsOf(registry.state())),
        ...principals.warnings(),
        ...upstreams.warnings(),
        ...(advertiserStatus()?.warnings ?? []),
      ],
      reasonsNotReady: () => [
        ...(signal.aborted ? ['the datastore is stopping'] : []),
        ...[catalogue.trouble() ?? []].flat(),
        ...(advertiserStatus()?.reasons ?? []),
        ...(certificates?.reasonsNotReady() ?? []),
      ],
    },
    { ...options, startedAt: new Date() },
  );

  const listeners: Listener[] = [];
  /** Ends what was begun also when we end by an error, of which the signal knows nothing. */
  const ending = new AbortController();
  const running = AbortSignal.any([signal, ending.signal]);
  try {
    await catalogue.start(running);
    for (const told of aboutNames.flatMap((each) => each() ?? [])) log.warn({}, told);
    await store.recover();
    await uploads.start();
    await imageUpstreams.start();
    await registry?.start();
    await imports?.jobs.start();
    const { noteVerified, verifiables } = catalogue;
    await deps.inbox.take(noteVerified);
    void watchInbox({ log, inbox: deps.inbox, noteVerified }, running);
    if (options.scrubIntervalMs > 0) {
      const fileOf = fileBelow(options.root);
      const scrubbing = {
        ...{ log, hash: deps.scrubHasher.hash, fileOf },
        verifiables: () => [...verifiables(), ...(registry?.verifiables() ?? [])],
        async noteVerified(verifications: readonly Verification[]) {
          const ofBlobs = verifications.filter(({ path }) => isBlobPath(path));
          await registry?.noteVerified(ofBlobs);
          if (ofBlobs.length < verifications.length) {
            await noteVerified(verifications.filter(({ path }) => !isBlobPath(path)));
          }
        },
      };
      void scrub(scrubbing, { intervalMs: options.scrubIntervalMs }, running);
    }
    if (registry !== undefined) void archives.follow(running);
    void upstreams.follow(running);
    void imageUpstreams.follow(running);
    const unfinished = {
      expiryMs: uploads.expiryMs,
      collectExpired: async () => (await uploads.collectExpired()) + (await imageUpstreams.collectExpired()),
    };
    void keepUp(
      { log, store, uploads: unfinished, registry },
      { collectEveryMs: options.collectEveryMs },
      running,
    );
    collectAll();
    const http = await listen({ log }, handler, { ...options.http, limits, tls: undefined });
    listeners.push(http);
    const tls = certificates?.identity();
    const https = tls && (await listen({ log }, handler, { ...options.https, limits, tls }));
    if (https !== undefined) {
      listeners.push(https);
      certificates?.follow(https.replaceIdentity, running);
    }
    void principals.follow((book) => https?.askForCertificates(book.hasCertificates), running);
    ports = { http: http.port, https: https?.port ?? null };
    const page = `http://${options.hostName}${http.port === 80 ? '' : `:${http.port}`}/-/`;
    log.info({ port: http.port, tlsPort: https?.port, root: options.root, page }, 'listening');
    deps.onListening?.(http.port);

    const advertisedPorts = { http: http.port, https: https?.port };
    advertiser = deps.createAdvertiser(advertisedPorts, observeAdvertising(activity));
    await advertiser?.start();
    if (!signal.aborted) {
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    }
    log.info({ drainMs: options.drainMs }, 'stopping');
  } finally {
    ending.abort();
    await advertiser?.stop();
    await Promise.all(listeners.map((listener) => listener.drain(options.drainMs)));
    await imports?.jobs.stop();
    await upstreams.stop();
    await imageUpstreams.stop();
    log.info({}, 'stopped');
  }
}
