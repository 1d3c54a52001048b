// SPDX-License-Identifier: Apache-2.0
import type {
  DownloadDeps,
  DownloadObserver,
  DownloadOptions,
  DownloadRequest,
  DownloadResult,
} from './download-request.ts';
import { DownloadRun } from './download-run.ts';

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
    const target = await request.target.open();
    try {
      return await new DownloadRun(deps, options, request, observer, target).run(signal);
    } finally {
      await target.close();
    }
  };
}
