// SPDX-License-Identifier: Apache-2.0
import { CodedError, errorMessage } from '@local-datastore/shared/errors';
import { DOCTOR_PRODUCT } from '@local-datastore/shared/http/products';
import type { Origin } from '../../discovery/origin.ts';
import { decideResponse } from '../../transfer/decide-response.ts';
import { createDispatcher } from '../../transfer/dispatcher.ts';
import type { DownloadDeps } from '../../transfer/download-request.ts';
import { type BodyPlan, fetchBody } from '../../transfer/fetch-body.ts';
import { requestHeaders } from '../../transfer/request-headers.ts';
import type { HeaderFields, Validators } from '../../transfer/validators.ts';
import type { Exchange } from '../observations.ts';

/** What every request for one file has in common. */
export interface FileRequest {
  readonly origin: Origin;
  /** Whether ordinary DNS must not lead inside, as after a redirect. */
  readonly refusesInternal: boolean;
  /** Null: none, or not for this origin. */
  readonly authorization: string | null;
  /** PEM. */
  readonly ca: string | null;
  readonly sizeBytes: number | null;
  readonly isDigestKnown: boolean;
  readonly signal: AbortSignal;
}

export interface FetchDeps extends Pick<DownloadDeps, 'openFlow'> {
  delay(delayMs: number, signal: AbortSignal): Promise<void>;
  /** Wall clock, in milliseconds since 1970. */
  now(): number;
}

const STALL_TIMEOUT_MS = 20_000;
/** As a download waits before it tries a failed request again, for the first times. */
export const RETRY_DELAYS_MS = [1000, 2000];

/** Ends a request of which enough is known. */
class Enough extends Error {}

export interface Asked {
  readonly position: number;
  readonly stored: Validators | null;
  /** Decides with the head; null: the body is not wanted. */
  onHead(statusCode: number, headers: HeaderFields): BodyPlan;
  /** Takes a piece of the body. @returns false when enough has come */
  onBytes(bytes: Buffer): boolean;
}

/** One GET on the way of a download: its connection, its headers, its parser. @throws as `fetchBody` */
export async function ask(deps: FetchDeps, request: FileRequest, asked: Asked): Promise<void> {
  const { origin, authorization, ca, signal, refusesInternal } = request;
  const dispatcher = createDispatcher(deps.openFlow, {
    ...{ url: origin.url, address: origin.address, localAddress: origin.sourceAddress, ca, refusesInternal },
    bodyRegion: () => undefined,
  });
  const enough = new AbortController();
  const receiver = {
    take(bytes: Buffer) {
      if (!asked.onBytes(bytes)) enough.abort(new Enough('enough is known'));
      return true;
    },
    listen: () => {},
  };
  const { position, stored } = asked;
  const headers = requestHeaders({ userAgent: DOCTOR_PRODUCT, authorization, position, stored });
  try {
    await fetchBody(
      dispatcher,
      { ...origin, headers, stallTimeoutMs: STALL_TIMEOUT_MS },
      receiver,
      async (statusCode, fields) => asked.onHead(statusCode, fields),
      AbortSignal.any([signal, enough.signal]),
    );
  } catch (error) {
    if (!(error instanceof Enough)) throw error;
  } finally {
    await dispatcher.destroy();
  }
}

/** Whether the same request may go well another time. */
export const mayPass = (error: unknown) => error instanceof CodedError && error.retryable;

/** Of a first request, about which the checks judge in full. */
const ANYTHING = { url: '', position: 0, stored: null, expectedBytes: null, isDigestKnown: true };

const failedExchange = (error: unknown): Exchange => ({
  kind: 'failed',
  message: errorMessage(error),
  code: error instanceof CodedError ? error.code : null,
});

/**
 * Asks for a file, or a later part of it, and leaves it after its first bytes. What a download would try again is
 * tried again, once.
 *
 * @throws the signal's reason
 */
export async function touchFile(
  deps: FetchDeps,
  request: FileRequest,
  { position, stored, maxBytes }: { position: number; stored: Validators | null; maxBytes: number },
): Promise<Exchange> {
  const rangeStart = position === 0 ? null : position;
  const once = async (): Promise<{ exchange: Exchange; isWorthAnotherTry: boolean }> => {
    let head: { statusCode: number; headers: HeaderFields; receivedAtMs: number } | undefined;
    let receivedBytes = 0;
    let isRefusedForNow = false;
    const exchange = (): Exchange =>
      head === undefined ? failedExchange(null) : { kind: 'answered', ...head, rangeStart };
    try {
      await ask(deps, request, {
        ...{ position, stored },
        onHead(statusCode, headers) {
          head = { statusCode, headers, receivedAtMs: deps.now() };
          const decision = decideResponse(statusCode, headers, ANYTHING, head.receivedAtMs);
          isRefusedForNow = decision.kind === 'fail' && mayPass(decision.error);
          return statusCode === 200 || statusCode === 206 ? { maxBytes: null } : null;
        },
        onBytes(bytes) {
          receivedBytes += bytes.length;
          return receivedBytes < maxBytes;
        },
      });
      return { exchange: exchange(), isWorthAnotherTry: isRefusedForNow };
    } catch (error) {
      request.signal.throwIfAborted();
      // Behind the head it is the content that broke off, which is seen when the whole is read.
      if (head !== undefined) return { exchange: exchange(), isWorthAnotherTry: false };
      return { exchange: failedExchange(error), isWorthAnotherTry: mayPass(error) };
    }
  };
  const first = await once();
  if (!first.isWorthAnotherTry || position > 0) return first.exchange;
  await deps.delay(RETRY_DELAYS_MS[0] as number, request.signal);
  return (await once()).exchange;
}
