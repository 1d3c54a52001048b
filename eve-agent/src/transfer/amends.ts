// SPDX-License-Identifier: Apache-2.0
import type { Origin } from '../discovery/origin.ts';
import type { DownloadRequest } from './download-request.ts';
import type { TransferError } from './errors.ts';
import type { Route } from './route.ts';
import type { HeaderFields } from './validators.ts';

/** Who gives out credentials that are refused at once is not asked for ever. */
const MAX_RENEWALS = 2;

/** What is sent as a credential, and what can be done about a refusal before it counts as a failure. */
export class Amends {
  readonly #renew: DownloadRequest['renewAuthorization'];
  readonly #route: Route;
  #authorization: string | null;
  #challenge: string | null = null;
  /** Without a byte in between. */
  #renewals = 0;
  #receivedBytes = 0;

  constructor(request: Pick<DownloadRequest, 'authorization' | 'renewAuthorization'>, route: Route) {
    this.#renew = request.renewAuthorization;
    this.#route = route;
    this.#authorization = request.authorization;
  }

  /** For the last origin that was found; null: none, or not for this one. */
  get authorization(): string | null {
    return this.#route.isAskedOrigin ? this.#authorization : null;
  }

  /** Every response is noted before what it means is decided. */
  note(headers: HeaderFields): void {
    this.#challenge = [headers['www-authenticate'] ?? []].flat().join(', ') || null;
  }

  /**
   * A token may have ended, and so may a place that the datastore has led to for a while.
   *
   * @param receivedBytes of bodies, in all
   * @returns whether to ask once more, as it is different now
   * @throws what renewing throws; the signal's reason
   */
  async mend(error: Error, receivedBytes: number, signal: AbortSignal): Promise<boolean> {
    const { statusCode } = (error as TransferError).details;
    const hasProgressed = receivedBytes > this.#receivedBytes;
    this.#receivedBytes = receivedBytes;
    if (hasProgressed) this.#renewals = 0;
    if (typeof statusCode !== 'number' || statusCode < 400 || statusCode > 499) return false;
    if (this.#route.isAskedOrigin) {
      if (statusCode !== 401 || this.#renew === undefined || this.#renewals >= MAX_RENEWALS) return false;
      this.#renewals += 1;
      const refusal = {
        ...{ refused: this.#authorization, challenge: this.#challenge },
        origin: this.#route.origin as Origin,
      };
      const renewed = await this.#renew(refusal, signal);
      if (renewed === null) return false;
      this.#authorization = renewed;
      return true;
    }
    if (hasProgressed) this.#route.restart();
    return hasProgressed;
  }
}
