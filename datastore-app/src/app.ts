import type { Log } from '@local-datastore/shared/log';
import type { Guard } from './access/guard.ts';
import type { Advertiser } from './advertise/advertiser.ts';
import { createApi } from './http/api.ts';
import { createAuthorize } from './http/authorize.ts';
import { createFilesHandler } from './http/files.ts';
import { createPublishHandler } from './http/publish.ts';
import { createHealthRoutes } from './http/routes/health.ts';
import { createHomeRoutes } from './http/routes/home.ts';
import { createImageRoutes } from './http/routes/images.ts';
import { createStatusRoutes } from './http/routes/status.ts';
import { createRequestListener, type Listener, type ListenOptions, listen } from './http/server.ts';
import type { Catalogue } from './images/catalogue.ts';
import type { ImageStore } from './images/image-store.ts';
import { createImageOpener } from './images/open-image.ts';

export interface AppDeps {
  readonly log: Log;
  readonly catalogue: Catalogue;
  readonly store: ImageStore;
  readonly guard: Guard;
  /** From the ports that are really listened on, which are known only then; undefined: no advertising. */
  createAdvertiser(ports: {
    readonly http: number;
    readonly https: number | undefined;
  }): Advertiser | undefined;
}

export interface AppOptions {
  readonly version: string;
  /** Without symbolic links. */
  readonly root: string;
  readonly http: ListenOptions;
  /** undefined: TLS is off. */
  readonly https: ListenOptions | undefined;
  readonly drainMs: number;
}

/**
 * Serves and advertises until the signal aborts; then says goodbye, finishes what is in flight, and returns.
 *
 * @throws ConfigurationError when a port cannot be had
 */
export async function runApp(deps: AppDeps, options: AppOptions, signal: AbortSignal): Promise<void> {
  const { log, catalogue, store } = deps;
  let advertiser: Advertiser | undefined;
  const api = createApi({ log }, [
    createHomeRoutes(),
    createImageRoutes({ log, catalogue, store }),
    createStatusRoutes({ version: options.version, advertiserStatus: () => advertiser?.status() }),
    createHealthRoutes({
      reasonsNotReady: () => [
        ...(signal.aborted ? ['the datastore is stopping'] : []),
        ...[catalogue.trouble() ?? []].flat(),
        ...(advertiser?.status().reasons ?? []),
      ],
    }),
  ]);
  const authorize = createAuthorize({ guard: deps.guard });
  const openImage = createImageOpener(options.root);
  const { digestOf } = catalogue;
  const handler = createRequestListener({
    authorize,
    api,
    files: createFilesHandler({ log, openImage, digestOf }),
    publish: createPublishHandler({ log, store, authorize, openImage, digestOf }),
  });

  const listeners: Listener[] = [];
  /** Ends what was begun also when we end by an error, of which the signal knows nothing. */
  const ending = new AbortController();
  try {
    await catalogue.start(AbortSignal.any([signal, ending.signal]));
    const http = await listen(handler, options.http);
    listeners.push(http);
    const https = options.https && (await listen(handler, options.https));
    if (https !== undefined) listeners.push(https);
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
