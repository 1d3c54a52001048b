// SPDX-License-Identifier: Apache-2.0
import { CodedError } from '@local-datastore/shared/errors';
import type { Origin } from '../discovery/origin.ts';
import { Amends } from '../transfer/amends.ts';
import { decideResponse, type ResponseDecision } from '../transfer/decide-response.ts';
import { createDispatcher } from '../transfer/dispatcher.ts';
import type { DownloadDeps, DownloadOptions, DownloadRequest } from '../transfer/download-request.ts';
import { ContentError, TransferError } from '../transfer/errors.ts';
import { fetchBody } from '../transfer/fetch-body.ts';
import { requestHeaders } from '../transfer/request-headers.ts';
import { decideRetryDelayMs, mayTryAgain } from '../transfer/retry-policy.ts';
import { Route } from '../transfer/route.ts';
import type { HeaderFields } from '../transfer/validators.ts';
import { refusalReason } from './refusal-reason.ts';

/** A small answer that is read into memory. */
export interface DocumentRequest
  extends Pick<DownloadRequest, 'url' | 'authorization' | 'renewAuthorization' | 'ca'> {
  readonly accept: string;
  /** More is refused. */
  readonly maxBytes: number;
  /** Whether a digest will tell if the bytes are right. */
  readonly isDigestKnown: boolean;
}

export interface DocumentAnswer {
  /** 200, or a client error that the same request would meet again. */
  readonly statusCode: number;
  readonly headers: HeaderFields;
  /** Of an error as much as is of use. */
  readonly bytes: Buffer;
  readonly origin: Origin;
}

export type FetchDocument = (request: DocumentRequest, signal: AbortSignal) => Promise<DocumentAnswer>;

export type DocumentDeps = Pick<DownloadDeps, 'locate' | 'openFlow' | 'delay' | 'now' | 'random' | 'clock'>;
export type DocumentOptions = Pick<
  DownloadOptions,
  'retry' | 'stallTimeoutMs' | 'userAgent' | 'proxy' | 'allowsInternalRedirects'
>;

/** Of the body of an error. */
const MAX_ERROR_BYTES = 16 * 1024;
/** Whoever sends a byte now and then does not hold up for ever what is small. */
const DOCUMENT_TIMEOUT_MS = 120_000;

/** The same, with what the registry says of it. */
function withReason(error: TransferError | ContentError, reason: string): Error {
  if (reason === '' || !(error instanceof TransferError)) return error;
  const { code, message, retryable, details } = error;
  return new TransferError(code, `${message}${reason}`, { retryable, details, cause: error });
}

/** One call: all attempts until there is an answer. */
class DocumentRun {
  readonly #deps: DocumentDeps;
  readonly #options: DocumentOptions;
  readonly #request: DocumentRequest;
  readonly #route: Route;
  readonly #amends: Amends;

  constructor(deps: DocumentDeps, options: DocumentOptions, request: DocumentRequest) {
    this.#deps = deps;
    this.#options = options;
    this.#request = request;
    this.#route = new Route(request.url, {
      needsTls: request.authorization !== null || request.ca !== null,
      isDigestKnown: request.isDigestKnown,
      allowsInternal: options.allowsInternalRedirects === true,
    });
    this.#amends = new Amends(request, this.#route);
  }

  async run(signal: AbortSignal): Promise<DocumentAnswer> {
    for (let failures = 0; ; ) {
      try {
        const answer = await this.#ask(signal);
        if (answer !== null) return answer;
      } catch (error) {
        signal.throwIfAborted();
        failures += 1;
        const mayRetry = this.#route.origin !== undefined && mayTryAgain(error);
        const retryAfterMs = error instanceof CodedError ? error.details.retryAfterMs : undefined;
        const delayMs = mayRetry
          ? decideRetryDelayMs(failures, this.#options.retry, this.#deps.random(), Number(retryAfterMs ?? 0))
          : null;
        if (delayMs === null) throw error;
        await this.#deps.delay(delayMs, signal);
      }
    }
  }

  /** @returns null: ask again at once */
  async #ask(signal: AbortSignal): Promise<DocumentAnswer | null> {
    const origin = await this.#route.findNext((url) => this.#deps.locate(url, signal));
    const { statusCode, headers, bytes } = await this.#exchange(origin, signal);
    const decision = this.#decide(statusCode, headers);
    switch (decision.kind) {
      case 'redirect':
        this.#route.follow(decision.location);
        return null;
      case 'fail':
        if (await this.#amends.mend(decision.error, 0, signal)) return null;
        if (decision.error.code !== 'HTTP_STATUS' || decision.error.retryable)
          throw withReason(decision.error, refusalReason(bytes));
        return { statusCode, headers, bytes, origin };
      default:
        return { statusCode, headers, bytes, origin };
    }
  }

  #decide(statusCode: number, headers: HeaderFields): ResponseDecision {
    const { url, isDigestKnown } = this.#request;
    const shown = `${url.origin}${url.pathname}`;
    const expectation = { url: shown, position: 0, stored: null, expectedBytes: null, isDigestKnown };
    return decideResponse(statusCode, headers, expectation, this.#deps.now());
  }

  async #exchange(origin: Origin, signal: AbortSignal) {
    const { ca, accept, maxBytes, url } = this.#request;
    const { openFlow, clock } = this.#deps;
    const { userAgent, stallTimeoutMs, proxy } = this.#options;
    const pieces: Buffer[] = [];
    let head: { readonly statusCode: number; readonly headers: HeaderFields } | undefined;
    const timeout = new AbortController();
    const cancel = clock?.after(DOCUMENT_TIMEOUT_MS, () => {
      const message = `${url.origin}${url.pathname} did not come within ${DOCUMENT_TIMEOUT_MS / 1000} s`;
      timeout.abort(new TransferError('STALLED', message, { retryable: true }));
    });
    const dispatcher = createDispatcher(openFlow, {
      ...{ url: origin.url, address: origin.address, localAddress: origin.sourceAddress, ca, proxy },
      refusesInternal: this.#route.refusesInternal(origin),
      bodyRegion: () => undefined,
    });
    const headers = {
      ...requestHeaders({
        userAgent,
        authorization: this.#amends.authorization,
        position: 0,
        stored: null,
      }),
      accept,
    };
    try {
      await fetchBody(
        dispatcher,
        { ...origin, headers, stallTimeoutMs },
        // What landed is overwritten by the next bytes.
        { take: (bytes) => pieces.push(Buffer.from(bytes)) > 0, listen: () => {} },
        async (statusCode, fields) => {
          this.#amends.note(fields);
          head = { statusCode, headers: fields };
          if (statusCode >= 300 && statusCode < 400) return null;
          return { maxBytes: statusCode === 200 ? maxBytes : MAX_ERROR_BYTES };
        },
        AbortSignal.any([signal, timeout.signal]),
      );
    } catch (error) {
      // The status says enough.
      const isJustAnError = head !== undefined && head.statusCode >= 400;
      if (!isJustAnError || signal.aborted) throw this.#named(error);
    } finally {
      cancel?.();
      await dispatcher.destroy();
    }
    if (head === undefined) throw new TransferError('RESPONSE_INVALID', 'there was no answer');
    return { ...head, bytes: Buffer.concat(pieces) };
  }

  #named(error: unknown): unknown {
    if (!(error instanceof ContentError)) return error;
    const { url, maxBytes } = this.#request;
    const message = `${url.origin}${url.pathname} has more than the ${maxBytes} bytes that it may have`;
    return new ContentError('SIZE_MISMATCH', message, { cause: error });
  }
}

/**
 * Makes the way to small documents: where it is found, how it is spoken to and which redirects are followed is as for
 * a download.
 *
 * @throws (the returned function) TransferError; ContentError `SIZE_MISMATCH` for a document that is too large; what
 *   `locate` and renewing a credential throw; the signal's reason
 */
export function createFetchDocument(deps: DocumentDeps, options: DocumentOptions): FetchDocument {
  return (request, signal) => new DocumentRun(deps, options, request).run(signal);
}
