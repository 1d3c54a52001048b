import { Router } from 'express';
import type { DownloadLog } from '../../activity/downloads.ts';
import type { QueryLog } from '../../activity/queries.ts';
import type { AdvertiserStatus } from '../../advertise/advertiser.ts';
import type { DiskSpace } from '../../images/storage.ts';
import type { TlsStatus } from '../../tls/certificate-source.ts';
import { onlyRead } from './only-read.ts';

export interface StatusDeps {
  /** undefined: advertising is turned off. */
  advertiserStatus(): AdvertiserStatus | undefined;
  reasonsNotReady(): readonly string[];
  /** What a person should know though devices are served. */
  warnings(): readonly string[];
  /** The ports that are listened on. */
  ports(): { readonly http: number | null; readonly https: number | null };
  imageBytes(): number;
  disk(): Promise<DiskSpace>;
  readonly downloads: DownloadLog;
  readonly queries: QueryLog;
  /** undefined: TLS is off. */
  tlsStatus(): TlsStatus | undefined;
}

export interface StatusOptions {
  readonly version: string;
  readonly startedAt: Date;
  readonly quotaBytes: number | undefined;
  readonly reserveBytes: number;
  readonly isReadOpen: boolean;
}

/** `/-/api/v1/status`: what the datastore is doing, for people and for the page. */
export function createStatusRoutes(deps: StatusDeps, options: StatusOptions): Router {
  const { version, startedAt, quotaBytes, reserveBytes, isReadOpen } = options;
  const router = Router();
  router
    .route('/-/api/v1/status')
    .get(async (_request, response) => {
      const advertising = deps.advertiserStatus();
      const reasons = deps.reasonsNotReady();
      response.json({
        version,
        startedAt: startedAt.toISOString(),
        hostName: advertising?.hostName ?? null,
        isReady: reasons.length === 0,
        reasons,
        warnings: deps.warnings(),
        listeners: deps.ports(),
        advertising: advertising ?? null,
        queries: deps.queries.list(),
        downloads: deps.downloads.list(),
        disk: {
          ...(await deps.disk()),
          imageBytes: deps.imageBytes(),
          quotaBytes: quotaBytes ?? null,
          reserveBytes,
        },
        tls: deps.tlsStatus() ?? null,
        access: { isReadOpen },
      });
    })
    .all(onlyRead);
  return router;
}
