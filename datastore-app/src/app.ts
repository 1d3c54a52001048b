import type { Log } from '@local-datastore/shared/log';
import type { Guard } from './access/guard.ts';
import { createDownloadLog } from './activity/downloads.ts';
import { createMetrics } from './activity/metrics.ts';
import { createQueryLog } from './activity/queries.ts';
import type { Advertiser } from './advertise/advertiser.ts';
import { type AccessLogChoice, createAccessLog } from './http/access-log.ts';
import { createApi } from './http/api.ts';
import { createAuthorize } from './http/authorize.ts';
import { createFilesHandler } from './http/files.ts';
import { observeRequests } from './http/observe-requests.ts';
import { createPublishHandler } from './http/publish.ts';
import { createCaRoutes } from './http/routes/ca.ts';
import { createHealthRoutes } from './http/routes/health.ts';
import { createHomeRoutes } from './http/routes/home.ts';
import { createImageRoutes } from './http/routes/images.ts';
import { createMetricsRoutes } from './http/routes/metrics.ts';
import { createStatusRoutes } from './http/routes/status.ts';
import { createRequestListener, type Listener, type ListenOptions, listen } from './http/server.ts';
import type { Catalogue } from './images/catalogue.ts';
import type { ImageStore } from './images/image-store.ts';
import { createImageOpener } from './images/open-image.ts';
import { diskSpaceOf } from './images/storage.ts';
import type { CertificateSource } from './tls/certificate-source.ts';

export interface AppDeps {
  readonly log: Log;
  /** Where requests are logged. */
  readonly requestLog: Log;
  readonly catalogue: Catalogue;
  readonly store: ImageStore;
  readonly guard: Guard;
  /** undefined: TLS is off. */
  readonly certificates: CertificateSource | undefined;
  /** From the ports that are really listened on, which are known only then; undefined: no advertising. */
  createAdvertiser(ports: {
    readonly http: number;
    readonly https: number | undefined;
  }): Advertiser | undefined;
}

type Place = Omit<ListenOptions, 'tls'>;

export interface AppOptions {
  readonly version: string;
  /** Without symbolic links. */
  readonly root: string;
  readonly http: Place;
  /** Where TLS is on. */
  readonly https: Place;
  readonly drainMs: number;
  readonly quotaBytes: number | undefined;
  readonly reserveBytes: number;
  readonly accessLog: AccessLogChoice;
}

/**
 * Serves and advertises until the signal aborts; then says goodbye, finishes what is in flight, and returns.
 *
 * @throws ConfigurationError when a port cannot be had
 */
export async function runApp(deps: AppDeps, options: AppOptions, signal: AbortSignal): Promise<void> {
  const { log, catalogue, store, certificates } = deps;
  let advertiser: Advertiser | undefined;
  let ports: { http: number | null; https: number | null } = { http: null, https: null };
  const advertiserStatus = () => advertiser?.status();
  const reasonsNotReady = () => [
    ...(signal.aborted ? ['the datastore is stopping'] : []),
    ...[catalogue.trouble() ?? []].flat(),
    ...(advertiserStatus()?.reasons ?? []),
    ...(certificates?.reasonsNotReady() ?? []),
  ];
  const disk = () => diskSpaceOf(options.root);
  const downloads = createDownloadLog();
  const queries = createQueryLog();
  const metrics = createMetrics({
    version: options.version,
    catalogue,
    runningDownloads: downloads.runningCount,
    disk,
    isReady: () => reasonsNotReady().length === 0,
    certificateExpiry: () => {
      const notAfter = certificates?.status().notAfter;
      return notAfter === undefined ? undefined : new Date(notAfter);
    },
  });
  const { quotaBytes, reserveBytes } = options;
  const api = createApi({ log }, [
    createHomeRoutes(),
    createImageRoutes({ log, catalogue, store }),
    createStatusRoutes(
      {
        advertiserStatus,
        reasonsNotReady,
        ports: () => ports,
        imageBytes: catalogue.totalBytes,
        disk,
        downloads,
        queries,
        tlsStatus: () => certificates?.status(),
      },
      {
        version: options.version,
        startedAt: new Date(),
        quotaBytes,
        reserveBytes,
        isReadOpen: deps.guard.isReadOpen,
      },
    ),
    createMetricsRoutes({ metrics }),
    createHealthRoutes({ reasonsNotReady }),
    createCaRoutes({ authorityPem: () => certificates?.authorityPem }),
  ]);
  const authorize = createAuthorize({ guard: deps.guard });
  const openImage = createImageOpener(options.root);
  const { digestOf } = catalogue;
  const writeAccessLog = createAccessLog({ log: deps.requestLog }, options.accessLog);
  const handler = observeRequests(
    createRequestListener({
      authorize,
      api,
      files: createFilesHandler({ log, openImage, digestOf, downloads }),
      publish: createPublishHandler({ log, store, authorize, openImage, digestOf }),
    }),
    (request) => {
      metrics.noteRequest(request);
      writeAccessLog(request);
    },
  );

  const listeners: Listener[] = [];
  /** Ends what was begun also when we end by an error, of which the signal knows nothing. */
  const ending = new AbortController();
  try {
    await catalogue.start(AbortSignal.any([signal, ending.signal]));
    const http = await listen({ log }, handler, { ...options.http, tls: undefined });
    listeners.push(http);
    const tls = certificates?.identity();
    const https = tls && (await listen({ log }, handler, { ...options.https, tls }));
    if (https !== undefined) {
      listeners.push(https);
      certificates?.follow(https.replaceIdentity, AbortSignal.any([signal, ending.signal]));
    }
    ports = { http: http.port, https: https?.port ?? null };
    log.info({ port: http.port, tlsPort: https?.port, root: options.root }, 'listening');

    advertiser = deps.createAdvertiser({ http: http.port, https: https?.port });
    await advertiser?.start();
    if (!signal.aborted) {
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    }
    log.info({ drainMs: options.drainMs }, 'stopping');
  } finally {
    ending.abort();
    await advertiser?.stop();
    await Promise.all(listeners.map((listener) => listener.drain(options.drainMs)));
    log.info({}, 'stopped');
  }
}
