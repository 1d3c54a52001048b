// SPDX-License-Identifier: Apache-2.0
import { errorMessage, systemErrorCode } from '@local-datastore/shared/errors';
import type { Dispatcher } from 'undici';
import { type Origin, shownHost } from '../discovery/origin.ts';
import { rawBodyOf } from './bulk-dispatcher.ts';
import { ContentError, TransferError } from './errors.ts';
import { InternalAddressError } from './flow.ts';
import { readMalformation } from './malformation.ts';
import type { BodyEnd, RawBody } from './raw-body.ts';
import { watchStall } from './stall-watch.ts';
import { describeTlsRefusal } from './tls-failure.ts';
import type { HeaderFields } from './validators.ts';

/** Takes a body in; asks its sender to pause by returning false, and calls back when it may go on. */
export interface BodyReceiver {
  take(bytes: Buffer): boolean;
  listen(onSpace: () => void, onFailure: (error: Error) => void): void;
}

export interface FetchRequest extends Pick<Origin, 'url' | 'address'> {
  readonly headers: Record<string, string>;
  /** No byte for this long ends the attempt. */
  readonly stallTimeoutMs: number;
}

/**
 * How far an attempt came before it failed, the `reached` of its error's details: whether there was a connection,
 * so that the datastore is there, and whether the head of a response came.
 */
export type Reached = 'nothing' | 'connection' | 'response';

/** What to do with a body; null: nothing, the connection is dropped. */
export type BodyPlan = {
  /** More bytes than these are not taken; null: nobody knows how many there are. */
  readonly maxBytes: number | null;
  /**
   * Reads a body from its flow in place of whoever asked for it, who reads no byte of it any more. Who waits for how long
   * is its decision then.
   *
   * @returns undefined: not this one
   * @throws what its receiver fails with
   */
  readonly takeFrom?: (body: RawBody, signal: AbortSignal) => Promise<BodyEnd> | undefined;
} | null;

/**
 * Sends one GET and stores its body.
 *
 * @param prepare is called with the head and says whether to store the body; reading waits for it
 * @returns after the last byte was taken in, or at once when the body is not wanted
 * @throws TransferError CONNECTION_FAILED, CONNECTION_LOST or STALLED; ContentError SIZE_MISMATCH when more
 *   bytes come than planned; whatever `prepare` and the receiver throw; the signal's reason
 */
export function fetchBody(
  dispatcher: Dispatcher,
  request: FetchRequest,
  receiver: BodyReceiver,
  prepare: (statusCode: number, headers: HeaderFields) => Promise<BodyPlan>,
  signal: AbortSignal,
): Promise<void> {
  const { url, stallTimeoutMs } = request;
  return new Promise((resolve, reject) => {
    let hasResponse = false;
    let roomBytes: number | undefined;
    let controller: Dispatcher.DispatchController | undefined;
    let failure: Error | undefined;

    // undici starts a request once it has a connection, and a session or a tunnel where those are needed.
    const reached = (): Reached =>
      hasResponse ? 'response' : controller === undefined ? 'nothing' : 'connection';
    const fail = (error: Error) => {
      failure ??= error;
      if (controller === undefined) settle(() => reject(error));
      else controller.abort(error);
    };
    const onAbort = () => fail(signal.reason as Error);
    const failAsStalled = () => {
      const message = `${shownHost(request)} sent nothing for ${stallTimeoutMs / 1000} s`;
      const details = { stallTimeoutMs, reached: reached() };
      fail(new TransferError('STALLED', message, { retryable: true, details }));
    };
    const stall = watchStall(stallTimeoutMs, () => controller?.paused === true, failAsStalled);
    const conclude = (end: BodyEnd) => {
      if (end.kind === 'stalled') failAsStalled();
      else if (end.kind === 'lost') fail(wrapConnectionError(end.error, request, reached()));
      else {
        settle(resolve);
        controller?.abort(new Error('the body was taken'));
      }
    };
    const settle = (then: () => void) => {
      stall.stop();
      signal.removeEventListener('abort', onAbort);
      receiver.listen(
        () => {},
        () => {},
      );
      then();
    };
    if (signal.aborted) {
      settle(() => reject(signal.reason));
      return;
    }
    signal.addEventListener('abort', onAbort, { once: true });
    // Room in the receiver does not matter before `prepare` has said where the body goes.
    receiver.listen(() => roomBytes !== undefined && controller?.resume(), fail);

    dispatcher.dispatch(
      { origin: url.origin, path: url.pathname + url.search, method: 'GET', headers: request.headers },
      {
        onRequestStart(started) {
          controller = started;
          if (failure !== undefined) started.abort(failure);
        },
        onResponseStart(responding, statusCode, headers) {
          if (statusCode < 200) return;
          controller = responding;
          hasResponse = true;
          stall.hear();
          responding.pause();
          prepare(statusCode, headers)
            .then((plan) => {
              if (plan === null) {
                settle(resolve);
                responding.abort(new Error('the body is not wanted'));
                return undefined;
              }
              const { maxBytes, takeFrom } = plan;
              const body = failure === undefined ? rawBodyOf(responding, maxBytes) : null;
              // Nobody resumes it here: it stays paused while another one reads.
              const taken = body === null ? undefined : takeFrom?.(body, signal);
              if (taken !== undefined) return taken.then(conclude);
              roomBytes = maxBytes ?? Number.POSITIVE_INFINITY;
              responding.resume();
              return undefined;
            })
            .catch(fail);
        },
        onResponseData(responding, chunk) {
          // What undici says each time that it is resumed within a chunk: who pauses at it would be asked for ever.
          if (chunk.length === 0) return;
          stall.hear();
          roomBytes = (roomBytes ?? 0) - chunk.length;
          if (roomBytes < 0) {
            fail(
              new ContentError('SIZE_MISMATCH', 'the datastore sent more bytes than the file should have'),
            );
            return;
          }
          if (!receiver.take(chunk)) responding.pause();
        },
        onResponseEnd: () => settle(resolve),
        onResponseError(_, error) {
          settle(() => reject(failure ?? wrapConnectionError(error, request, reached())));
        },
      },
    );
  });
}

function wrapConnectionError(error: Error, request: FetchRequest, reached: Reached): TransferError {
  const hasResponse = reached === 'response';
  const tlsRefusal = describeTlsRefusal(error, request.url);
  if (tlsRefusal !== null) {
    // What does not verify will not verify at the next try either.
    return new TransferError('CONNECTION_FAILED', tlsRefusal, { retryable: false, cause: error });
  }
  if (error instanceof InternalAddressError) {
    const message = `a redirect was refused: ${error.message} (--allow-internal-redirects)`;
    return new TransferError('REDIRECT_REFUSED', message, { cause: error });
  }
  const host = shownHost(request);
  const options = { retryable: true, cause: error, details: { reached } };
  const malformation = readMalformation(error);
  if (malformation !== null) {
    return new TransferError('RESPONSE_INVALID', `a malformed answer from ${host}: ${malformation}`, options);
  }
  const reason = errorMessage(error) || (systemErrorCode(error) ?? 'unknown reason');
  return hasResponse
    ? new TransferError('CONNECTION_LOST', `the connection to ${host} was lost: ${reason}`, options)
    : new TransferError('CONNECTION_FAILED', `no answer from ${host}: ${reason}`, options);
}
