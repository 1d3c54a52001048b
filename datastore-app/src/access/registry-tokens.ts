// SPDX-License-Identifier: Apache-2.0
import { createHmac, randomUUID, timingSafeEqual } from 'node:crypto';
import { errors, jwtVerify, SignJWT } from 'jose';
import * as z from 'zod';
import { REGISTRY_ACTIONS, type RegistryAction } from './registry-policy.ts';
import type { TokenKey } from './token-key.ts';

/** What a token opens, as docker's registries have it (distribution, "Token Authentication Implementation"). */
export type TokenAccess =
  | { readonly type: 'repository'; readonly name: string; readonly actions: readonly RegistryAction[] }
  | { readonly type: 'registry'; readonly name: 'catalog'; readonly actions: readonly ['*'] };

/** What was found in a token that is ours and in its time. */
export interface VerifiedToken {
  readonly subject: string;
  readonly access: readonly TokenAccess[];
  /** Whether it was issued for one of these credentials, of which its subject has none any more where it was revoked. */
  isFor(credentials: readonly string[]): boolean;
}

export interface RegistryTokens {
  /** Of every token. */
  readonly lifetimeSeconds: number;
  /**
   * @param subject whose it is
   * @param credential what the subject was known by, as it is kept: the token ends with it
   */
  issue(subject: string, credential: string, access: readonly TokenAccess[]): Promise<string>;
  /** undefined: it is none of ours, or not in its time. */
  verify(token: string): Promise<VerifiedToken | undefined>;
}

const ALGORITHM = 'ES256';
const LIFETIME_SECONDS = 300;
/** Foreign registries judge it by clocks of their own. */
const EARLY_SECONDS = 30;
/** What a header can carry. */
const MAX_TOKEN_CHARACTERS = 12_000;
const STAMP_BYTES = 12;

const claimsSchema = z.object({
  sub: z.string(),
  cred: z.string(),
  access: z.array(
    z.union([
      z.object({
        type: z.literal('repository'),
        name: z.string(),
        actions: z.array(z.enum(REGISTRY_ACTIONS)),
      }),
      z.object({
        type: z.literal('registry'),
        name: z.literal('catalog'),
        actions: z.tuple([z.literal('*')]),
      }),
    ]),
  ),
});

export interface RegistryTokensDeps {
  readonly key: TokenKey;
  /** Milliseconds since 1970 by the datastore's clock, which alone judges its own tokens. */
  readonly nowMs?: () => number;
}

export interface RegistryTokensOptions {
  /** Who issues and who accepts: the datastore's host name. */
  readonly service: string;
  /** Of the key, PEM, to go along with every token (RFC 7515 §4.1.6). */
  readonly certificate?: string | undefined;
}

const toChain = (pem: string) => [pem.replace(/-----[^-]+-----/g, '').replace(/\s+/g, '')];

/** Tokens for the registry: JWTs (RFC 7519) of the datastore's own. */
export function createRegistryTokens(
  { key, nowMs = Date.now }: RegistryTokensDeps,
  { service, certificate }: RegistryTokensOptions,
): RegistryTokens {
  const header = {
    ...{ alg: ALGORITHM, typ: 'JWT', kid: key.id },
    ...(certificate !== undefined && { x5c: toChain(certificate) }),
  };
  // Known to nobody who has only tokens: a credential cannot be tried out on them.
  const stampKey = createHmac('sha256', 'stamp')
    .update(key.privateKey.export({ type: 'pkcs8', format: 'der' }))
    .digest();
  const stampOf = (credential: string) =>
    createHmac('sha256', stampKey).update(credential).digest().subarray(0, STAMP_BYTES);

  return {
    lifetimeSeconds: LIFETIME_SECONDS,

    issue(subject, credential, access) {
      const now = Math.floor(nowMs() / 1000);
      return new SignJWT({ access, cred: stampOf(credential).toString('base64url') })
        .setProtectedHeader(header)
        .setIssuer(service)
        .setSubject(subject)
        .setAudience(service)
        .setIssuedAt(now)
        .setNotBefore(now - EARLY_SECONDS)
        .setExpirationTime(now + LIFETIME_SECONDS)
        .setJti(randomUUID())
        .sign(key.privateKey);
    },

    async verify(token) {
      if (token.length > MAX_TOKEN_CHARACTERS) return undefined;
      try {
        const { payload } = await jwtVerify(token, key.publicKey, {
          ...{ algorithms: [ALGORITHM], issuer: service, audience: service },
          ...{ requiredClaims: ['exp', 'nbf', 'iat', 'jti'], currentDate: new Date(nowMs()) },
        });
        const claims = claimsSchema.safeParse(payload);
        if (!claims.success) return undefined;
        const { sub: subject, cred, access } = claims.data;
        const stamp = Buffer.from(cred, 'base64url');
        const isFor = (credentials: readonly string[]) =>
          stamp.length === STAMP_BYTES && credentials.some((each) => timingSafeEqual(stampOf(each), stamp));
        return { subject, access, isFor };
      } catch (error) {
        if (error instanceof errors.JOSEError) return undefined;
        throw error;
      }
    },
  };
}
