// SPDX-License-Identifier: Apache-2.0
import type { IncomingMessage } from 'node:http';
import { clientAddress } from '@local-datastore/shared/net/client-address';
import { type BearerChallenge, formatBearerChallenge } from '@local-datastore/shared/oci/challenge';
import type { Authenticate } from './authenticator.ts';
import { parseBasic, parseBearer } from './credential.ts';
import type { ReachesDigest } from './image-reach.ts';
import type { Places } from './places.ts';
import type { PrincipalBook } from './principal-book.ts';
import { type Bearer, createPermit, type Permit } from './registry-permit.ts';
import type { RegistryAction } from './registry-policy.ts';
import { ANONYMOUS, type RegistryPrincipal, subjectOf } from './registry-principal.ts';
import type { RegistryTokens } from './registry-tokens.ts';
import { realmOf } from './token-realm.ts';

export type { RegistryAction } from './registry-policy.ts';

/** What a request below `/v2/` wants to do. */
export interface RegistryWish {
  readonly action: RegistryAction | 'ping' | 'catalog';
  /** undefined: it is about none; to push: to whichever an archive names. */
  readonly repository: string | undefined;
  /** The tag, or the digest such as `sha256:…` of the manifest or blob; undefined: it is about no particular one. */
  readonly reference?: string | undefined;
}

export interface RegistryAllowed {
  readonly kind: 'allowed';
  /** Such as `user:alice`. */
  readonly subject: string;
  /** The remote address. */
  readonly client: string;
  /**
   * For what a request touches besides: the source of a mount, the tags in a list. By name and tag alone: who may
   * pull some images of a repository only may not, where none is named.
   */
  may(action: RegistryAction, repository: string, reference?: string): boolean;
  /** Whether it may pull anything of a repository: which ones a catalogue shows. */
  sees(repository: string): boolean;
}

export interface RegistryDenied {
  readonly kind: 'denied';
  /** Of who is known, and may not. */
  readonly subject?: string;
  readonly status: 401 | 403 | 429;
  readonly code: 'UNAUTHORIZED' | 'DENIED' | 'TOOMANYREQUESTS';
  /** For `WWW-Authenticate`. */
  readonly challenge?: string;
  readonly retryAfterSeconds?: number;
  /** For a person. */
  readonly detail: string;
}

export type RegistryDecision = RegistryAllowed | RegistryDenied;

export interface RegistryAccess {
  /** Decides a request below `/v2/` by its bearer token, its write token, or by what is open to everybody. */
  decide(request: IncomingMessage, wish: RegistryWish): Promise<RegistryDecision>;
  /** Is told when a manifest was stored or something deleted: temporary tokens end soon after. */
  noteDone(subject: string): Promise<void>;
}

export interface RegistryAccessDeps {
  readonly authenticate: Authenticate;
  readonly tokens: Pick<RegistryTokens, 'verify'>;
  /** Who is known now, as far as anybody has said. */
  book(): Promise<PrincipalBook>;
  readonly reaches: ReachesDigest;
  readonly places: Pick<Places, 'originFor'>;
  readonly noteDone: RegistryAccess['noteDone'];
}

export interface RegistryAccessOptions {
  /** As in tokens. */
  readonly service: string;
}

/** Who a request comes from, or why that is not to be found out. */
type Asking =
  | { readonly kind: 'bearer'; readonly bearer: Bearer }
  | { readonly kind: 'wrong'; readonly error: BearerChallenge['error']; readonly detail: string }
  | { readonly kind: 'slowed'; readonly retryAfterSeconds: number };

const LOOKS_LIKE_JWT = /^[\w-]+\.[\w-]+\.[\w-]*$/;

/** The scope of a token that would do (distribution, "Token Scope Documentation"). */
function scopeOf({ action, repository }: RegistryWish): string | undefined {
  if (action === 'ping') return undefined;
  if (action === 'catalog') return 'registry:catalog:*';
  if (repository === undefined) return undefined;
  // Who pushes looks first what is there.
  return `repository:${repository}:${action === 'push' ? 'pull,push' : action}`;
}

export function createRegistryAccess(
  deps: RegistryAccessDeps,
  { service }: RegistryAccessOptions,
): RegistryAccess {
  const { authenticate, tokens, reaches, places } = deps;

  async function askedByToken(token: string, book: PrincipalBook): Promise<Asking> {
    const verified = await tokens.verify(token);
    const found = verified && book.find(verified.subject);
    if (verified === undefined || found === undefined || !verified.isFor(found.credentials)) {
      const detail = 'The token is expired, revoked, or none of this registry: get another one.';
      return { kind: 'wrong', error: 'invalid_token', detail };
    }
    return { kind: 'bearer', bearer: { principal: found.principal, access: verified.access } };
  }

  async function askedByLogin(request: IncomingMessage, user: string, password: string): Promise<Asking> {
    const found = await authenticate({ client: clientAddress(request.socket), user, password });
    if (found.kind === 'known') {
      return { kind: 'bearer', bearer: { principal: found.known.principal, access: undefined } };
    }
    if (found.kind === 'slowed') return found;
    return { kind: 'wrong', error: undefined, detail: 'The credential is wrong.' };
  }

  async function findAsking(request: IncomingMessage, book: PrincipalBook): Promise<Asking> {
    const { authorization } = request.headers;
    if (authorization === undefined) {
      return { kind: 'bearer', bearer: { principal: ANONYMOUS, access: undefined } };
    }
    const token = parseBearer(authorization);
    if (token !== undefined && LOOKS_LIKE_JWT.test(token)) return askedByToken(token, book);
    if (token !== undefined) return askedByLogin(request, '', token);
    const basic = parseBasic(authorization);
    if (basic !== undefined) return askedByLogin(request, basic.user, basic.password);
    return { kind: 'wrong', error: undefined, detail: 'The credential is none that this registry knows.' };
  }

  const slowed = (request: IncomingMessage, retryAfterSeconds: number): RegistryDenied => ({
    ...{ kind: 'denied', status: 429, code: 'TOOMANYREQUESTS', retryAfterSeconds },
    detail: `Too many wrong credentials came from ${clientAddress(request.socket)}: try again in ${retryAfterSeconds} s.`,
  });

  function challenge(
    request: IncomingMessage,
    wish: RegistryWish,
    error: BearerChallenge['error'],
    detail: string,
  ): RegistryDenied {
    const realm = realmOf(request, places);
    const text = formatBearerChallenge({ realm, service, scope: scopeOf(wish), error });
    return { kind: 'denied', status: 401, code: 'UNAUTHORIZED', challenge: text, detail };
  }

  /** What a person is told who may not. */
  function refusalOf(principal: RegistryPrincipal, { action, repository }: RegistryWish): string {
    const what =
      action === 'catalog' ? 'the list of repositories' : `${action} of ${repository ?? 'any repository'}`;
    if (principal.kind === 'anonymous') return `A login is needed for ${what}.`;
    return `${subjectOf(principal)} has no grant for ${what}.`;
  }

  async function isPermitted(
    permit: Permit,
    { action, repository, reference }: RegistryWish,
  ): Promise<boolean> {
    if (action === 'ping') return true;
    if (action === 'catalog') return permit.mayList;
    if (repository === undefined) return action === 'push' && permit.mayPushSomewhere;
    const found = permit.judge(action, repository, reference);
    if (found.kind === 'narrowed') return reaches(repository, found.references, found.digest);
    return found.kind === 'yes';
  }

  return {
    noteDone: deps.noteDone,

    async decide(request, wish) {
      const book = await deps.book();
      const asking = await findAsking(request, book);
      if (asking.kind === 'slowed') return slowed(request, asking.retryAfterSeconds);
      if (asking.kind === 'wrong') return challenge(request, wish, asking.error, asking.detail);
      const { principal } = asking.bearer;
      const isUnsaid = request.headers.authorization === undefined;
      if (wish.action === 'ping' && isUnsaid) {
        // Where it is not asked here, some clients never send the credential that they have.
        return challenge(request, wish, undefined, 'A token is needed, which anybody is given.');
      }
      const permit = createPermit(asking.bearer, book.rules);
      if (await isPermitted(permit, wish)) {
        const client = clientAddress(request.socket);
        return { kind: 'allowed', subject: subjectOf(principal), client, may: permit.may, sees: permit.sees };
      }
      const isGranted = await isPermitted(createPermit({ principal, access: undefined }, book.rules), wish);
      const detail = isGranted ? 'The token is not for this: get another one.' : refusalOf(principal, wish);
      if (!isGranted && principal.kind !== 'anonymous') {
        return { kind: 'denied', subject: subjectOf(principal), status: 403, code: 'DENIED', detail };
      }
      return challenge(request, wish, isUnsaid ? undefined : 'insufficient_scope', detail);
    },
  };
}
