import { CodedError } from '@local-datastore/shared/errors';
import { printableText } from '@local-datastore/shared/text/printable-text';
import type { Clock } from '../discovery/clock.ts';
import { type LocalDatastore, locateNext, type Origin, plainHost } from '../discovery/origin.ts';
import { codingHint, statedCoding } from './content-coding.ts';
import { decideRedirect, isSameOrigin, refusesInternal } from './decide-redirect.ts';
import { decideResponse, type ResponseDecision } from './decide-response.ts';
import { isResumable } from './decide-resume.ts';
import { mayWantWhole } from './decide-whole.ts';
import { createDispatcher } from './dispatcher.ts';
import { ContentError, TransferError } from './errors.ts';
import { type BodyPlan, type BodyReceiver, fetchBody } from './fetch-body.ts';
import type { OpenFlow } from './flow.ts';
import { type Pace, paceReceiver } from './pace.ts';
import { type LeastRate, type RateWatch, SlowConnection, watchRate } from './rate-watch.ts';
import { requestHeaders } from './request-headers.ts';
import { decideRetryDelayMs, type RetryLimits } from './retry-policy.ts';
import type { OpenTarget, Target } from './target.ts';
import {
  type HeaderFields,
  ifRangeOf,
  readStatedSha256,
  readValidators,
  singleValue,
  type Validators,
} from './validators.ts';

export interface DownloadRequest {
  readonly url: URL;
  /** Left whole and verified, or as it was. */
  readonly target: Target;
  readonly sha256: string | null;
  readonly sizeBytes: number | null;
  /** The value of `Authorization`, sent to the URL's own origin alone. */
  readonly authorization: string | null;
  /** PEM that replaces the system's roots. */
  readonly ca: string | null;
}

export type DownloadEvent =
  | { readonly kind: 'located'; readonly origin: Origin }
  | { readonly kind: 'redirected'; readonly url: URL }
  | { readonly kind: 'receiving'; readonly fromBytes: number; readonly totalBytes: number | null }
  | { readonly kind: 'starting-over'; readonly reason: string }
  | { readonly kind: 'retrying'; readonly delayMs: number; readonly error: Error }
  /** The body comes slower than the least rate; and no longer. */
  | { readonly kind: 'slow'; readonly bytesPerSecond: number }
  | { readonly kind: 'fast-enough' }
  | { readonly kind: 'verifying' };

export interface DownloadResult {
  readonly sizeBytes: number;
  readonly sha256: string;
  /** Who said what the digest should be; null: nobody did. */
  readonly verifiedAgainst: 'request' | 'datastore' | null;
  /** Bytes that an earlier run had stored. */
  readonly resumedFromBytes: number;
  /** Bytes of the body that came over the network in this run. */
  readonly receivedBytes: number;
  readonly attempts: number;
  readonly origin: Origin;
}

export interface DownloadDeps {
  /** @throws CodedError when the host cannot be found */
  locate(url: URL, signal: AbortSignal): Promise<Origin>;
  readonly openFlow: OpenFlow;
  /** Waits; rejects with the signal's reason. */
  delay(delayMs: number, signal: AbortSignal): Promise<void>;
  now(): number;
  random(): number;
  /** A rate that this download keeps to, together with others; absent: none. */
  readonly pace?: Pace | undefined;
  /** Of the least rate. */
  readonly clock?: Clock | undefined;
}

export interface DownloadOptions {
  readonly retry: RetryLimits;
  readonly stallTimeoutMs: number;
  readonly userAgent: string;
  /** Below it the observer is told; absent: never. */
  readonly leastRate?: LeastRate | undefined;
  /** Through which a name that ordinary DNS resolves is reached; absent: without one. */
  readonly proxy?: URL | undefined;
  /** Whether datastores that are not local may redirect to loopback, link-local and metadata addresses. */
  readonly allowsInternalRedirects?: boolean;
  /** Whether a new connection is to be tried then, where what is here can be gone on from. */
  readonly reconnectsWhenSlow?: boolean;
}

export interface DownloadObserver {
  onEvent(event: DownloadEvent): void;
  /** Called for every piece that arrives; must be quick. */
  onProgress(receivedBytes: number): void;
}

/** A file that changes under every attempt, or a server that cannot do ranges, is given up after this. */
const MAX_START_OVERS = 3;

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

/** The bytes that are stored, and what the response said that they came from. */
interface Stored {
  readonly validators: Validators;
  readonly totalBytes: number | null;
}

/** One call: all attempts until the file is whole. */
class DownloadRun {
  readonly #deps: DownloadDeps;
  readonly #options: DownloadOptions;
  readonly #request: DownloadRequest;
  readonly #observer: DownloadObserver;
  readonly #target: OpenTarget;
  /** After redirects. */
  #url: URL;
  /** With the name of the local datastore that was found last; null: none was. */
  #local: LocalDatastore | null = null;
  #stored: Stored | null = null;
  #statedSha256: string | null = null;
  /** As it may be shown. */
  #statedCoding: string | null = null;
  #resumedFromBytes = 0;
  /** Whether what is here came with several responses, which may be of different files after all. */
  #isPieced = false;
  #receivedBytes = 0;
  #startOvers = 0;
  #redirects = 0;
  #retryAfterMs = 0;
  /** Of ranges, in a row. */
  #refusals = 0;
  /** Whether the whole was asked for after a refused range, and did not come. */
  #isWholeRefused = false;
  #slowConnections = 0;
  /** Whether the response that comes in says that another one can go on from the middle. */
  #isResumable = false;
  #origin: Origin | undefined;

  constructor(
    deps: DownloadDeps,
    options: DownloadOptions,
    request: DownloadRequest,
    observer: DownloadObserver,
    target: OpenTarget,
  ) {
    this.#deps = deps;
    this.#options = options;
    this.#request = request;
    this.#observer = observer;
    this.#target = target;
    this.#url = request.url;
  }

  async run(signal: AbortSignal): Promise<DownloadResult> {
    try {
      const { stored } = this.#target;
      const wanted = { url: this.#request.url.href, sha256: this.#request.sha256 };
      if (stored !== null && isResumable(stored.record, wanted)) {
        this.#stored = stored.record;
        this.#resumedFromBytes = stored.sizeBytes;
        this.#isPieced = true;
        await this.#target.resume();
      }
      return await this.#tryUntilWhole(signal);
    } catch (error) {
      await this.#target.abandon(error instanceof ContentError);
      throw error;
    }
  }

  async #tryUntilWhole(signal: AbortSignal): Promise<DownloadResult> {
    let failures = 0;
    for (let attempts = 1; ; attempts++) {
      const before = this.#target.position;
      try {
        if (await this.#attempt(signal)) {
          const result = await this.#verifyAndPublish(attempts);
          if (result !== null) return result;
        }
        failures = 0;
      } catch (error) {
        signal.throwIfAborted();
        failures = this.#target.position > before ? 1 : failures + 1;
        const mayRetry = error instanceof CodedError && error.retryable && this.#origin !== undefined;
        const delayMs = mayRetry
          ? decideRetryDelayMs(failures, this.#options.retry, this.#deps.random(), this.#retryAfterMs)
          : null;
        if (delayMs === null) throw error;
        this.#observer.onEvent({ kind: 'retrying', delayMs, error: error as Error });
        await this.#deps.delay(delayMs, signal);
      }
    }
  }

  /** Asks for what is missing, or for the whole where just the range was refused; returns as `#ask`. */
  async #attempt(signal: AbortSignal): Promise<boolean> {
    const stored = this.#stored;
    try {
      return await this.#ask(signal, false);
    } catch (refusal) {
      signal.throwIfAborted();
      if (this.#isWholeRefused || !this.#isRangeRefused(refusal)) throw refusal;
      const retryAfterMs = this.#retryAfterMs;
      this.#isWholeRefused = true;
      try {
        return await this.#ask(signal, true);
      } catch (error) {
        signal.throwIfAborted();
        // What is stored is as it was, and so is what is to be told.
        if (this.#stored !== stored || !(error instanceof TransferError)) throw error;
        this.#retryAfterMs = retryAfterMs;
        throw refusal;
      }
    }
  }

  #isRangeRefused(error: unknown): boolean {
    if (this.#target.position === 0) return false;
    this.#refusals += 1;
    return mayWantWhole(error, this.#refusals, this.#options.retry.maxFailures);
  }

  /** @returns whether all bytes are here; false: ask again at once */
  async #ask(signal: AbortSignal, asksForWhole: boolean): Promise<boolean> {
    this.#retryAfterMs = 0;
    const origin = await this.#locate(signal);
    this.#origin = origin;
    this.#observer.onEvent({ kind: 'located', origin });
    await this.#dropWhatNothingGuards();
    const dispatcher = createDispatcher(this.#deps.openFlow, {
      url: origin.url,
      address: origin.address,
      localAddress: origin.sourceAddress,
      ca: this.#request.ca,
      refusesInternal: refusesInternal(
        origin,
        this.#request.url,
        this.#options.allowsInternalRedirects === true,
      ),
      proxy: this.#options.proxy,
      bodyRegion: () => this.#target.region(),
    });
    const position = asksForWhole ? 0 : this.#target.position;
    let decision: ResponseDecision | undefined;
    const watch = this.#watchedReceiver();
    const prepare = async (statusCode: number, headers: HeaderFields): Promise<BodyPlan> => {
      const expectation = {
        url: `${origin.url.origin}${origin.url.pathname}`,
        position,
        stored: this.#stored,
        expectedBytes: this.#request.sizeBytes,
        isDigestKnown: this.#request.sha256 !== null,
      };
      decision = decideResponse(statusCode, headers, expectation, this.#deps.now());
      return decision.kind === 'store' ? await this.#prepareStore(decision, headers) : null;
    };
    try {
      const { stallTimeoutMs } = this.#options;
      const headers = this.#requestHeaders(position);
      const request = { ...origin, headers, stallTimeoutMs };
      await fetchBody(dispatcher, request, watch.receiver, prepare, signal);
    } catch (error) {
      if (error instanceof SlowConnection) return false;
      throw error;
    } finally {
      watch.stop();
      await dispatcher.destroy();
    }
    return decision === undefined ? false : await this.#conclude(decision);
  }

  async #locate(signal: AbortSignal): Promise<Origin> {
    const next = await locateNext((url) => this.#deps.locate(url, signal), this.#url, this.#local);
    this.#local = next.local;
    return next.origin;
  }

  get #localName(): string | null {
    return this.#local === null ? null : plainHost(this.#local.url);
  }

  /** Whether bytes of this file can be told from those of another one under the same URL. */
  #isGuarded(): boolean {
    return (
      this.#request.sha256 !== null ||
      this.#statedSha256 !== null ||
      (this.#stored !== null && ifRangeOf(this.#stored.validators) !== null)
    );
  }

  /** Forgets bytes of this run that could not be told from those of another file under the same URL. */
  async #dropWhatNothingGuards(): Promise<void> {
    if (this.#target.position === 0 || this.#isGuarded()) return;
    const reason = 'nothing would tell if the file was replaced since its first part was downloaded';
    this.#observer.onEvent({ kind: 'starting-over', reason });
    await this.#forget();
  }

  #requestHeaders(position: number): Record<string, string> {
    const { authorization } = this.#request;
    return requestHeaders({
      userAgent: this.#options.userAgent,
      authorization: this.#isAskedOrigin() ? authorization : null,
      position,
      stored: this.#stored?.validators ?? null,
    });
  }

  #isAskedOrigin(): boolean {
    return isSameOrigin(this.#url, this.#request.url, this.#localName, this.#origin?.address ?? null);
  }

  #receiver(): BodyReceiver {
    const { pace } = this.#deps;
    const receiver: BodyReceiver = {
      take: (bytes: Buffer) => {
        this.#receivedBytes += bytes.length;
        const hasRoom = this.#target.take(bytes);
        this.#observer.onProgress(this.#target.position);
        return hasRoom;
      },
      listen: this.#target.listen.bind(this.#target),
    };
    return pace === undefined ? receiver : paceReceiver(receiver, pace, setTimeout);
  }

  /** A receiver whose rate is watched. Each slow connection makes the next one be watched for twice as long. */
  #watchedReceiver(): RateWatch {
    const { leastRate, reconnectsWhenSlow } = this.#options;
    const receiver = this.#receiver();
    if (leastRate === undefined || this.#deps.clock === undefined) return { receiver, stop() {} };
    const windowMs = leastRate.windowMs * 2 ** this.#slowConnections;
    return watchRate(receiver, { ...leastRate, windowMs }, this.#deps.clock, (bytesPerSecond, abandon) => {
      if (bytesPerSecond === null) {
        this.#observer.onEvent({ kind: 'fast-enough' });
        return;
      }
      this.#observer.onEvent({ kind: 'slow', bytesPerSecond: Math.round(bytesPerSecond) });
      if (reconnectsWhenSlow !== true || !this.#isResumable || !this.#isGuarded()) return;
      this.#slowConnections += 1;
      abandon(new SlowConnection());
    });
  }

  async #prepareStore(
    { from, totalBytes }: Extract<ResponseDecision, { kind: 'store' }>,
    headers: HeaderFields,
  ): Promise<BodyPlan> {
    this.#refusals = 0;
    this.#isWholeRefused = false;
    if (from === 0) {
      await this.#target.restart();
      this.#resumedFromBytes = 0;
    }
    this.#isPieced = from > 0;
    this.#isResumable = from > 0 || singleValue(headers, 'accept-ranges')?.toLowerCase() === 'bytes';
    await this.#target.requireSpace((totalBytes ?? this.#request.sizeBytes ?? from) - from);
    if (from === 0) {
      this.#statedSha256 = readStatedSha256(headers);
      this.#statedCoding = statedCoding(headers);
      this.#stored = { validators: readValidators(headers), totalBytes };
      await this.#target.writeRecord({
        url: this.#request.url.href,
        sha256: this.#request.sha256,
        ...this.#stored,
      });
    } else {
      this.#statedSha256 ??= readStatedSha256(headers);
      this.#statedCoding ??= statedCoding(headers);
    }
    this.#observer.onEvent({ kind: 'receiving', fromBytes: from, totalBytes });
    const endBytes = totalBytes ?? this.#request.sizeBytes;
    return { maxBytes: endBytes === null ? null : endBytes - from };
  }

  /** What follows from a response after its body, if it was wanted, is here. */
  async #conclude(decision: ResponseDecision): Promise<boolean> {
    switch (decision.kind) {
      case 'store':
        return decision.totalBytes === null || decision.totalBytes === this.#target.position;
      case 'complete':
        return true;
      case 'start-over':
        await this.#startOver(decision.reason);
        return false;
      case 'redirect':
        this.#follow(decision.location);
        return false;
      case 'fail':
        this.#retryAfterMs = decision.retryAfterMs ?? 0;
        throw decision.error;
    }
  }

  async #startOver(reason: string): Promise<void> {
    this.#startOvers += 1;
    if (this.#startOvers > MAX_START_OVERS) {
      throw new TransferError(
        'RESPONSE_INVALID',
        `gave up after starting over ${MAX_START_OVERS} times: ${reason}`,
      );
    }
    this.#observer.onEvent({ kind: 'starting-over', reason });
    await this.#forget();
  }

  async #forget(): Promise<void> {
    this.#stored = null;
    this.#statedSha256 = null;
    this.#statedCoding = null;
    this.#resumedFromBytes = 0;
    this.#isPieced = false;
    await this.#target.restart();
  }

  #follow(location: string): void {
    const { url: asked, authorization, ca, sha256 } = this.#request;
    const decision = decideRedirect(location, {
      asked,
      origin: this.#origin as Origin,
      localName: this.#localName,
      followed: this.#redirects,
      needsTls: authorization !== null || ca !== null,
      isDigestKnown: sha256 !== null,
      allowsInternal: this.#options.allowsInternalRedirects === true,
    });
    if (decision.kind === 'refuse') {
      const message = `redirect to "${printableText(location)}" refused: ${decision.why}`;
      throw new TransferError('REDIRECT_REFUSED', message);
    }
    this.#redirects += 1;
    this.#url = decision.url;
    this.#observer.onEvent({ kind: 'redirected', url: decision.url });
  }

  /** @returns null when a resumed file turned out wrong and is fetched again from its first byte */
  async #verifyAndPublish(attempts: number): Promise<DownloadResult | null> {
    this.#observer.onEvent({ kind: 'verifying' });
    const sizeBytes = this.#target.position;
    const hint = codingHint(this.#statedCoding);
    const expected = this.#request.sha256 ?? this.#statedSha256;
    const verdict = await this.#target.publish({ sizeBytes: this.#request.sizeBytes, sha256: expected });
    if (verdict.kind === 'wrong-size') {
      const message = `the file has ${sizeBytes} bytes, not the ${this.#request.sizeBytes} that --size or maxSizeBytes says${hint}`;
      throw new ContentError('SIZE_MISMATCH', message, { details: { sizeBytes } });
    }
    const { sha256 } = verdict;
    if (verdict.kind === 'wrong-digest') {
      if (this.#isPieced) {
        await this.#startOver('the resumed file does not have the wanted digest');
        return null;
      }
      const message = `what arrived has sha256 ${sha256}, not ${expected}: the datastore serves another file, or bytes were damaged on the way${hint}`;
      throw new ContentError('DIGEST_MISMATCH', message, { details: { sha256, expected } });
    }
    return {
      sizeBytes,
      sha256,
      verifiedAgainst: this.#request.sha256 !== null ? 'request' : expected !== null ? 'datastore' : null,
      resumedFromBytes: this.#resumedFromBytes,
      receivedBytes: this.#receivedBytes,
      attempts,
      origin: this.#origin as Origin,
    };
  }
}
