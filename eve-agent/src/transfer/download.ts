// SPDX-License-Identifier: Apache-2.0
import type { Origin } from '../discovery/origin.ts';
import type {
  DownloadDeps,
  DownloadObserver,
  DownloadOptions,
  DownloadRequest,
  DownloadResult,
} from './download-request.ts';
import { DownloadRun } from './download-run.ts';
import type { OpenTarget } from './target.ts';

/**
 * Makes the download of one URL to one target.
 *
 * The returned function leaves the target whole and verified, or as it was. What has arrived when it fails stays with
 * the target, and the next call goes on from there when the server's validators still fit.
 *
 * @throws TransferError, ContentError; what the target and `locate` throw; the signal's reason
 */
export function createDownload(deps: DownloadDeps, options: DownloadOptions) {
  return async function download(
    request: DownloadRequest,
    observer: DownloadObserver,
    signal: AbortSignal,
  ): Promise<DownloadResult> {
    const stop = new AbortController();
    const locate = locateEarly(deps.locate, request.url, AbortSignal.any([signal, stop.signal]));
    let target: OpenTarget | undefined;
    try {
      target = await request.target.open();
      return await new DownloadRun({ ...deps, locate }, options, request, observer, target).run(signal);
    } finally {
      stop.abort();
      await target?.close();
    }
  };
}

/** Where the datastore is, is found out while the target is opened: the first who asks is told of that. */
function locateEarly(locate: DownloadDeps['locate'], url: URL, signal: AbortSignal): DownloadDeps['locate'] {
  let early: Promise<Origin> | null = locate(url, signal);
  // Nobody may come to ask.
  early.catch(() => {});
  return (asked, ...rest) => {
    const first = early;
    early = null;
    return first !== null && asked.href === url.href ? first : locate(asked, ...rest);
  };
}
