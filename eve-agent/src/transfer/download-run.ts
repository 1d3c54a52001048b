// SPDX-License-Identifier: Apache-2.0
import { digestOfHex } from '@local-datastore/shared/oci/digest';
import type { Origin } from '../discovery/origin.ts';
import { Amends } from './amends.ts';
import { codingHint } from './content-coding.ts';
import { decideResponse, type ResponseDecision } from './decide-response.ts';
import { isResumable } from './decide-resume.ts';
import { mayWantWhole } from './decide-whole.ts';
import { createDispatcher } from './dispatcher.ts';
import type {
  DownloadDeps,
  DownloadObserver,
  DownloadOptions,
  DownloadRequest,
  DownloadResult,
} from './download-request.ts';
import { ContentError, TransferError } from './errors.ts';
import { type BodyPlan, fetchBody } from './fetch-body.ts';
import { Provenance, storedFrom } from './provenance.ts';
import { SlowConnection } from './rate-watch.ts';
import { Reception } from './reception.ts';
import { requestHeaders } from './request-headers.ts';
import { decideRetryDelayMs, mayTryAgain } from './retry-policy.ts';
import { Route } from './route.ts';
import type { OpenTarget } from './target.ts';
import type { HeaderFields } from './validators.ts';

/** A file that changes under every attempt, or a server that cannot do ranges, is given up after this. */
const MAX_START_OVERS = 3;

/** One call of a download: all attempts until the target is whole. */
export class DownloadRun {
  readonly #deps: DownloadDeps;
  readonly #options: DownloadOptions;
  readonly #request: DownloadRequest;
  readonly #observer: DownloadObserver;
  readonly #target: OpenTarget;
  readonly #route: Route;
  readonly #amends: Amends;
  readonly #provenance = new Provenance();
  readonly #reception: Reception;
  #startOvers = 0;
  #retryAfterMs = 0;
  /** Of ranges, in a row. */
  #refusals = 0;
  /** Whether the whole was asked for after a refused range, and did not come. */
  #isWholeRefused = false;
  /** Of the local datastore, at which its bytes came too slowly. */
  readonly #slowAddresses = new Set<string>();
  #isNothingBetter = false;

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
    this.#reception = new Reception(target, observer, deps, options);
    this.#route = new Route(request.url, {
      needsTls: request.authorization !== null || request.ca !== null,
      isDigestKnown: request.digest !== null,
      allowsInternal: options.allowsInternalRedirects === true,
    });
    this.#amends = new Amends(request, this.#route);
  }

  /** @throws as a download */
  async run(signal: AbortSignal): Promise<DownloadResult> {
    try {
      const { stored } = this.#target;
      const wanted = { url: this.#request.url.href, digest: this.#request.digest };
      if (stored !== null && isResumable(stored.record, wanted)) {
        this.#provenance.resume(stored.record, stored.sizeBytes);
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
        const mayRetry = this.#route.origin !== undefined && mayTryAgain(error);
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
    const { stored } = this.#provenance;
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
        if (this.#provenance.stored !== stored || !(error instanceof TransferError)) throw error;
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
    const origin = await this.#findOrigin(signal);
    this.#observer.onEvent({ kind: 'located', origin });
    await this.#dropWhatNothingGuards();
    const dispatcher = createDispatcher(this.#deps.openFlow, {
      url: origin.url,
      address: origin.address,
      localAddress: origin.sourceAddress,
      ca: this.#request.ca,
      refusesInternal: this.#route.refusesInternal(origin),
      proxy: this.#options.proxy,
      bodyRegion: () => this.#target.region(),
    });
    const position = asksForWhole ? 0 : this.#target.position;
    let decision: ResponseDecision | undefined;
    const watch = this.#reception.start(() => this.#provenance.acceptsRanges && this.#isGuarded);
    const prepare = async (statusCode: number, headers: HeaderFields): Promise<BodyPlan> => {
      const expectation = {
        url: `${origin.url.origin}${origin.url.pathname}`,
        position,
        stored: this.#provenance.stored,
        expectedBytes: this.#request.sizeBytes,
        isDigestKnown: this.#request.digest !== null,
      };
      this.#amends.note(headers);
      decision = decideResponse(statusCode, headers, expectation, this.#deps.now());
      return decision.kind === 'store' ? await this.#prepareStore(decision, headers) : null;
    };
    try {
      const { stallTimeoutMs } = this.#options;
      const headers = this.#requestHeaders(position);
      const request = { ...origin, headers, stallTimeoutMs };
      await fetchBody(dispatcher, request, watch.receiver, prepare, signal);
    } catch (error) {
      if (!(error instanceof SlowConnection)) throw error;
      if (origin.bridgeName !== null && origin.address !== null) this.#slowAddresses.add(origin.address);
      return false;
    } finally {
      watch.stop();
      await dispatcher.destroy();
    }
    return decision === undefined ? false : await this.#conclude(decision, signal);
  }

  /** Prefers an address that was not slow yet; where nothing better is there, a slow one is taken from now on. */
  async #findOrigin(signal: AbortSignal): Promise<Origin> {
    const slow = this.#isNothingBetter ? new Set<string>() : this.#slowAddresses;
    const origin = await this.#route.findNext((url) => this.#deps.locate(url, signal, slow));
    if (origin.address !== null && slow.has(origin.address)) this.#isNothingBetter = true;
    return origin;
  }

  get #isGuarded(): boolean {
    return this.#provenance.isGuarded(this.#request.digest !== null);
  }

  /** Forgets bytes of this run that could not be told from those of another file under the same URL. */
  async #dropWhatNothingGuards(): Promise<void> {
    if (this.#target.position === 0 || this.#isGuarded) return;
    const reason = 'nothing would tell if the file was replaced since its first part was downloaded';
    this.#observer.onEvent({ kind: 'starting-over', reason });
    await this.#forget();
  }

  #requestHeaders(position: number): Record<string, string> {
    return requestHeaders({
      userAgent: this.#options.userAgent,
      authorization: this.#amends.authorization,
      position,
      stored: this.#provenance.stored?.validators ?? null,
    });
  }

  async #prepareStore(
    { from, totalBytes }: Extract<ResponseDecision, { kind: 'store' }>,
    headers: HeaderFields,
  ): Promise<BodyPlan> {
    this.#refusals = 0;
    this.#isWholeRefused = false;
    const endBytes = totalBytes ?? this.#request.sizeBytes;
    const neededBytes = (endBytes ?? from) - from;
    if (from === 0) {
      const { url, digest } = this.#request;
      const stored = storedFrom(headers, totalBytes);
      await this.#target.begin(neededBytes, { url: url.href, digest, ...stored });
      this.#provenance.begin(headers, stored);
    } else {
      await this.#target.requireSpace(neededBytes);
      this.#provenance.goOn(headers);
    }
    this.#provenance.expect(from, headers);
    this.#observer.onEvent({ kind: 'receiving', fromBytes: from, totalBytes });
    return {
      maxBytes: endBytes === null ? null : endBytes - from,
      takeFrom: (body, signal) => this.#reception.takeFrom(body, signal),
    };
  }

  /** What follows from a response after its body, if it was wanted, is here. */
  async #conclude(decision: ResponseDecision, signal: AbortSignal): Promise<boolean> {
    switch (decision.kind) {
      case 'store':
        return decision.totalBytes === null || decision.totalBytes === this.#target.position;
      case 'complete':
        return true;
      case 'start-over':
        await this.#startOver(decision.reason);
        return false;
      case 'redirect':
        this.#observer.onEvent({ kind: 'redirected', url: this.#route.follow(decision.location) });
        return false;
      case 'fail':
        if (await this.#amends.mend(decision.error, this.#reception.receivedBytes, signal)) return false;
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
    this.#provenance.forget();
    await this.#target.restart();
  }

  /** @returns null when a resumed file turned out wrong and is fetched again from its first byte */
  async #verifyAndPublish(attempts: number): Promise<DownloadResult | null> {
    this.#observer.onEvent({ kind: 'verifying' });
    const sizeBytes = this.#target.position;
    const hint = codingHint(this.#provenance.statedCoding);
    const { statedSha256 } = this.#provenance;
    const expected = this.#request.digest ?? (statedSha256 === null ? null : digestOfHex(statedSha256));
    const verdict = await this.#target.publish({ sizeBytes: this.#request.sizeBytes, digest: expected });
    if (verdict.kind === 'wrong-size') {
      const message = `the file has ${sizeBytes} bytes, not the ${this.#request.sizeBytes} that --size, maxSizeBytes or the manifest says${hint}`;
      throw new ContentError('SIZE_MISMATCH', message, { details: { sizeBytes } });
    }
    const { digest } = verdict;
    if (verdict.kind === 'wrong-digest') {
      if (this.#provenance.isPieced) {
        await this.#startOver('the resumed file does not have the wanted digest');
        return null;
      }
      const message = `what arrived has ${digest.algorithm} ${digest.hex}, not ${expected?.hex}: the datastore serves another file, or bytes were damaged on the way${hint}`;
      throw new ContentError('DIGEST_MISMATCH', message, {
        details: { found: digest.hex, expected: expected?.hex ?? null },
      });
    }
    return {
      sizeBytes,
      digest,
      verifiedAgainst: this.#request.digest !== null ? 'request' : expected !== null ? 'datastore' : null,
      resumedFromBytes: this.#provenance.resumedFromBytes,
      receivedBytes: this.#reception.receivedBytes,
      attempts,
      origin: this.#route.origin as Origin,
    };
  }
}
