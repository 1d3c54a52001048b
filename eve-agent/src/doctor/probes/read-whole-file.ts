// SPDX-License-Identifier: Apache-2.0
import { createHash, type Hash } from 'node:crypto';
import { CodedError, errorMessage } from '@local-datastore/shared/errors';
import type { OciAlgorithm } from '@local-datastore/shared/oci/digest';
import { decideResponse, type ResponseDecision } from '../../transfer/decide-response.ts';
import { mayWantWhole } from '../../transfer/decide-whole.ts';
import { TransferError } from '../../transfer/errors.ts';
import { ifRangeOf, readStatedSha256, readValidators, type Validators } from '../../transfer/validators.ts';
import type { WholeFile } from '../observations.ts';
import { ask, type FetchDeps, type FileRequest, mayPass, RETRY_DELAYS_MS } from './fetch-as-download.ts';

const MAX_START_OVERS = 3;

/** Reading of a whole file: what a download would have stored, of which only the digest is kept. */
class WholeFileReader {
  readonly #deps: FetchDeps;
  readonly #request: FileRequest;
  readonly #algorithm: OciAlgorithm;
  #hash: Hash;
  #position = 0;
  #stored: { readonly validators: Validators; readonly totalBytes: number | null } | null = null;
  #isDigestStated = false;
  #startOvers = 0;
  #refusals = 0;
  #isWholeRefused = false;

  constructor(deps: FetchDeps, request: FileRequest, algorithm: OciAlgorithm) {
    this.#deps = deps;
    this.#request = request;
    this.#algorithm = algorithm;
    this.#hash = createHash(algorithm);
  }

  async read(): Promise<WholeFile> {
    for (let failures = 0; ; ) {
      const before = this.#position;
      try {
        if (await this.#attempt()) {
          const digest = { algorithm: this.#algorithm, hex: this.#hash.digest('hex') };
          return { kind: 'read', sizeBytes: this.#position, digest };
        }
        failures = 0;
      } catch (error) {
        this.#request.signal.throwIfAborted();
        failures = this.#position > before ? 1 : failures + 1;
        const delayMs = mayPass(error) ? RETRY_DELAYS_MS[failures - 1] : undefined;
        if (delayMs === undefined) {
          const code = error instanceof CodedError ? error.code : null;
          return { kind: 'failed', message: errorMessage(error), code };
        }
        await this.#deps.delay(delayMs, this.#request.signal);
      }
    }
  }

  /** As a download: the whole, once, where just the range was refused. Returns as `#ask`. */
  async #attempt(): Promise<boolean> {
    const stored = this.#stored;
    try {
      return await this.#ask(false);
    } catch (refusal) {
      this.#request.signal.throwIfAborted();
      if (this.#isWholeRefused || this.#position === 0) throw refusal;
      this.#refusals += 1;
      if (!mayWantWhole(refusal, this.#refusals, RETRY_DELAYS_MS.length)) throw refusal;
      this.#isWholeRefused = true;
      try {
        return await this.#ask(true);
      } catch (error) {
        throw this.#stored === stored && error instanceof TransferError ? refusal : error;
      }
    }
  }

  /** @returns whether all bytes have come; false: to be asked again at once */
  async #ask(asksForWhole: boolean): Promise<boolean> {
    const { origin, sizeBytes, isDigestKnown } = this.#request;
    let decision: ResponseDecision | undefined;
    // As a download: bytes that nothing would tell from those of another file are not added to.
    const isGuarded =
      isDigestKnown ||
      this.#isDigestStated ||
      (this.#stored !== null && ifRangeOf(this.#stored.validators) !== null);
    if (!isGuarded) this.#begin(null);
    const position = asksForWhole ? 0 : this.#position;
    await ask(this.#deps, this.#request, {
      position,
      stored: this.#stored?.validators ?? null,
      onHead: (statusCode, headers) => {
        const expectation = {
          url: `${origin.url.origin}${origin.url.pathname}`,
          ...{ position, stored: this.#stored, expectedBytes: sizeBytes, isDigestKnown },
        };
        decision = decideResponse(statusCode, headers, expectation, this.#deps.now());
        if (decision.kind !== 'store') return null;
        const { from, totalBytes } = decision;
        this.#refusals = 0;
        this.#isWholeRefused = false;
        if (from === 0) {
          this.#begin({ validators: readValidators(headers), totalBytes });
          this.#isDigestStated = readStatedSha256(headers) !== null;
        }
        const endBytes = totalBytes ?? sizeBytes;
        return { maxBytes: endBytes === null ? null : endBytes - from };
      },
      onBytes: (bytes) => {
        this.#hash.update(bytes);
        this.#position += bytes.length;
        return true;
      },
    });
    switch (decision?.kind) {
      case 'store':
        return decision.totalBytes === null || decision.totalBytes === this.#position;
      case 'complete':
        return true;
      case 'start-over':
        this.#startOvers += 1;
        if (this.#startOvers > MAX_START_OVERS)
          throw new Error(`it starts over without end: ${decision.reason}`);
        this.#begin(null);
        return false;
      case 'fail':
        throw decision.error;
      default:
        throw new Error('it redirects only now and then');
    }
  }

  #begin(stored: { validators: Validators; totalBytes: number | null } | null): void {
    this.#stored = stored;
    this.#hash = createHash(this.#algorithm);
    this.#position = 0;
  }
}

/**
 * Reads a file to its end as a download does, going on where it broke off, and keeps its size and digest alone.
 *
 * @param algorithm of the digest
 * @throws the signal's reason
 */
export function readWholeFile(
  deps: FetchDeps,
  request: FileRequest,
  algorithm: OciAlgorithm,
): Promise<WholeFile> {
  return new WholeFileReader(deps, request, algorithm).read();
}
