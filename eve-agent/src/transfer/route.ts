// SPDX-License-Identifier: Apache-2.0
import { printableText } from '@local-datastore/shared/text/printable-text';
import { type LocalDatastore, locateNext, type Origin, plainHost } from '../discovery/origin.ts';
import { decideRedirect, isSameOrigin, refusesInternal } from './decide-redirect.ts';
import { TransferError } from './errors.ts';

export interface RouteRules {
  /** Whether a credential, or an authority of its own, says that this datastore is to be spoken to over TLS. */
  readonly needsTls: boolean;
  /** Whether a digest will tell if the bytes are right. */
  readonly isDigestKnown: boolean;
  /** Whether datastores that are not local may redirect to loopback, link-local and metadata addresses. */
  readonly allowsInternal: boolean;
}

/** Where the requests of one download go, from what was asked for along its redirects. */
export class Route {
  readonly #asked: URL;
  readonly #rules: RouteRules;
  /** After redirects. */
  #url: URL;
  /** With the name of the local datastore that was found last; null: none was. */
  #local: LocalDatastore | null = null;
  #origin: Origin | undefined;
  #followed = 0;

  constructor(asked: URL, rules: RouteRules) {
    this.#asked = asked;
    this.#rules = rules;
    this.#url = asked;
  }

  /** Where the last request went; undefined: none has gone anywhere. */
  get origin(): Origin | undefined {
    return this.#origin;
  }

  /** Whether the last origin is the one that was asked for, which alone gets the credential. */
  get isAskedOrigin(): boolean {
    return isSameOrigin(this.#url, this.#asked, this.#localName, this.#origin?.address ?? null);
  }

  get #localName(): string | null {
    return this.#local === null ? null : plainHost(this.#local.url);
  }

  /** Finds where the next request goes. @throws as `locate` */
  async findNext(locate: (url: URL) => Promise<Origin>): Promise<Origin> {
    const next = await locateNext(locate, this.#url, this.#local);
    this.#local = next.local;
    this.#origin = next.origin;
    return next.origin;
  }

  /** Whether ordinary DNS must not lead inside from there. */
  refusesInternal(origin: Origin): boolean {
    return refusesInternal(origin, this.#asked, this.#rules.allowsInternal);
  }

  /** Forgets what the redirects led to: the next request goes where was asked for. */
  restart(): void {
    this.#url = this.#asked;
    this.#followed = 0;
  }

  /** Takes the way that the last origin leads. @throws TransferError `REDIRECT_REFUSED` */
  follow(location: string): URL {
    const decision = decideRedirect(location, {
      ...this.#rules,
      asked: this.#asked,
      origin: this.#origin as Origin,
      localName: this.#localName,
      followed: this.#followed,
    });
    if (decision.kind === 'refuse') {
      const message = `redirect to "${printableText(location)}" refused: ${decision.why}`;
      throw new TransferError('REDIRECT_REFUSED', message);
    }
    this.#followed += 1;
    this.#url = decision.url;
    return decision.url;
  }
}
