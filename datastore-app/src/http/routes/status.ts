import { Router } from 'express';
import type { AdvertiserStatus } from '../../advertise/advertiser.ts';
import { onlyRead } from './only-read.ts';

export interface StatusDeps {
  readonly version: string;
  /** undefined: advertising is turned off. */
  advertiserStatus(): AdvertiserStatus | undefined;
}

/** `/-/api/v1/status`: what the datastore is doing, for people and for the page. */
export function createStatusRoutes({ version, advertiserStatus }: StatusDeps): Router {
  const router = Router();
  router
    .route('/-/api/v1/status')
    .get((_request, response) => {
      const status = advertiserStatus();
      response.json({ version, hostName: status?.hostName ?? null, advertising: status ?? null });
    })
    .all(onlyRead);
  return router;
}
