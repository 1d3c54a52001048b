// SPDX-License-Identifier: Apache-2.0
import { CodedError, errorMessage } from '@local-datastore/shared/errors';
import { type LocalDatastore, locateNext, type Origin, plainHost } from '../../discovery/origin.ts';
import { decideRedirect, isSameOrigin, refusesInternal } from '../../transfer/decide-redirect.ts';
import { decideResponse } from '../../transfer/decide-response.ts';
import type { DownloadDeps } from '../../transfer/download-request.ts';
import { readValidators, singleValue } from '../../transfer/validators.ts';
import type { Evidence } from '../evidence.ts';
import type { Exchange } from '../observations.ts';
import { type FetchDeps, type FileRequest, touchFile } from './fetch-as-download.ts';

/** Of the file, to see that bytes do come. */
const HEAD_BYTES = 64 * 1024;

/** What is asked for and by which right. */
export interface AskRequest extends Omit<FileRequest, 'origin' | 'authorization' | 'refusesInternal'> {
  readonly asked: URL;
  readonly origin: Origin;
  /** Sent to the URL's own origin alone. */
  readonly authorization: string | null;
}

export type AskDeps = FetchDeps & Pick<DownloadDeps, 'locate'>;

/** What came of it, and the request that led to the file in the end. */
export type AskEvidence = Pick<Evidence, 'followed' | 'refusedRedirect' | 'whole' | 'part'> & {
  readonly fileRequest: FileRequest;
};

const ANYTHING = { url: '', position: 0, stored: null, expectedBytes: null, isDigestKnown: true };

async function askForPart(deps: AskDeps, request: FileRequest, whole: Exchange): Promise<Exchange | null> {
  if (whole.kind !== 'answered' || whole.statusCode !== 200) return null;
  const sizeBytes = Number(singleValue(whole.headers, 'content-length') ?? 0);
  const position = Math.min(HEAD_BYTES, Math.floor(sizeBytes / 2));
  if (!(position > 0)) return null;
  return touchFile(deps, request, { position, stored: readValidators(whole.headers), maxBytes: 1 });
}

/**
 * Asks for the file as a download does, redirects included, and for a later part of it.
 *
 * @throws the signal's reason
 */
export async function askForFile(deps: AskDeps, request: AskRequest): Promise<AskEvidence> {
  const { asked, authorization, signal, ca, sizeBytes, isDigestKnown } = request;
  const followed: string[] = [];
  let { origin } = request;
  let local: LocalDatastore | null = origin.bridgeName === null ? null : origin;
  for (let from = asked; ; ) {
    const localName = local === null ? null : plainHost(local.url);
    const fileRequest: FileRequest = {
      ...{ origin, ca, sizeBytes, isDigestKnown, signal },
      refusesInternal: refusesInternal(origin, asked, false),
      authorization: isSameOrigin(from, asked, localName, origin.address) ? authorization : null,
    };
    const whole = await touchFile(deps, fileRequest, { position: 0, stored: null, maxBytes: HEAD_BYTES });
    const decision =
      whole.kind === 'answered'
        ? decideResponse(whole.statusCode, whole.headers, ANYTHING, whole.receivedAtMs)
        : null;
    if (decision?.kind !== 'redirect') {
      const part = await askForPart(deps, fileRequest, whole);
      return { followed, refusedRedirect: null, whole, part, fileRequest };
    }
    const { location } = decision;
    const redirect = decideRedirect(location, {
      ...{ asked, origin, localName, isDigestKnown, followed: followed.length },
      needsTls: authorization !== null || ca !== null,
      allowsInternal: false,
    });
    if (redirect.kind === 'refuse') {
      const refusedRedirect = { location, why: redirect.why };
      return { followed, refusedRedirect, whole, part: null, fileRequest };
    }
    from = redirect.url;
    followed.push(location);
    try {
      ({ origin, local } = await locateNext((url) => deps.locate(url, signal), from, local));
    } catch (error) {
      signal.throwIfAborted();
      const code = error instanceof CodedError ? error.code : null;
      const failed: Exchange = { kind: 'failed', message: errorMessage(error), code };
      return { followed, refusedRedirect: null, whole: failed, part: null, fileRequest };
    }
  }
}
