// SPDX-License-Identifier: Apache-2.0
import type { Locate, LocateOptions } from '../discovery/locate.ts';
import { createLocateOrigin } from '../discovery/locate-origin.ts';
import { openFlow } from '../network/open-flow.ts';
import type { DownloadDeps } from '../transfer/download-request.ts';

/** From a URL to the bytes, with this host's sockets: the way of a download, and of the doctor before it. */
export const createSystemWay = (
  locate: Locate,
  discovery: Pick<LocateOptions, 'bridges' | 'timeoutMs'>,
): Pick<DownloadDeps, 'locate' | 'openFlow'> => ({
  locate: createLocateOrigin(locate, discovery),
  openFlow,
});
