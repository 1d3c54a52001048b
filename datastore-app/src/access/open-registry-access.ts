// SPDX-License-Identifier: Apache-2.0
import { readFile } from 'node:fs/promises';
import { ConfigurationError, errorMessage } from '@local-datastore/shared/errors';
import type { IsOwnName } from '@local-datastore/shared/http/request-origin';
import type { Log } from '@local-datastore/shared/log';
import type { Attempts } from './attempts.ts';
import { createAuthenticator } from './authenticator.ts';
import { fingerprintsOf } from './certificate-fingerprint.ts';
import type { ReadCredential } from './credential.ts';
import type { ReachesDigest } from './image-reach.ts';
import type { Places } from './places.ts';
import { createRegistryAccess, type RegistryAccess } from './registry-access.ts';
import { openRegistryPrincipals, type RegistryPrincipals } from './registry-principals.ts';
import { createRegistryRecords } from './registry-records.ts';
import { createRegistryTokens } from './registry-tokens.ts';
import { loadTokenCertificate, loadTokenKey } from './token-key.ts';
import { createTokenService, type TokenService } from './token-service.ts';

/** Who may do what in the registry, and the tokens for it. */
export interface OpenRegistryAccess {
  readonly principals: RegistryPrincipals;
  readonly issueToken: TokenService;
  /** @param reaches what is stored, for who may pull some images of a repository only */
  accessTo(reaches: ReachesDigest): RegistryAccess;
}

export interface RegistryAccessSettings {
  readonly stateDirectory: string;
  /** With `.local`; what tokens are for. */
  readonly hostName: string;
  readonly writeToken: string;
  readonly readCredential: ReadCredential | undefined;
  /** undefined: the one of the state directory, where there is one. */
  readonly grantsFile: string | undefined;
  /** PEM; whoever has the key of one of them is an administrator. */
  readonly adminCertificateFile: string | undefined;
  /** Whether tokens carry the certificate of their key. */
  readonly carriesCertificate: boolean;
}

/**
 * The fingerprints of the certificates of administrators.
 *
 * @param file undefined: there are none
 * @throws ConfigurationError when it cannot be used
 */
export async function readAdminCertificates(file: string | undefined): Promise<string[]> {
  if (file === undefined) return [];
  try {
    return fingerprintsOf(await readFile(file, 'utf8'));
  } catch (error) {
    throw new ConfigurationError(`--admin-certificate ${file} cannot be used: ${errorMessage(error)}`, {
      cause: error,
    });
  }
}

/** @throws ConfigurationError when a file that is given cannot be used, or the key of the tokens not be had */
export async function openRegistryAccess(
  deps: {
    readonly log: Log;
    readonly attempts: Attempts;
    readonly isOwnName: IsOwnName;
    readonly places: Places;
  },
  settings: RegistryAccessSettings,
): Promise<OpenRegistryAccess> {
  const { log, attempts, isOwnName, places } = deps;
  const { stateDirectory, hostName: service, writeToken, readCredential, grantsFile } = settings;
  const principals = await openRegistryPrincipals(
    { log, records: createRegistryRecords(stateDirectory), isOwnHost: isOwnName },
    {
      ...{ stateDirectory, grantsFile, writeToken, readCredential },
      adminCertificates: await readAdminCertificates(settings.adminCertificateFile),
    },
  );
  const key = await loadTokenKey(stateDirectory);
  const certificate = settings.carriesCertificate
    ? await loadTokenCertificate(stateDirectory, key)
    : undefined;
  const tokens = createRegistryTokens({ key }, { service, certificate });
  const { book, newest, noteDone } = principals;
  const authenticate = createAuthenticator({ attempts, book: newest }, { writeToken, readCredential });
  return {
    principals,
    issueToken: createTokenService({ authenticate, tokens, book: newest }, { service }),
    accessTo: (reaches) =>
      createRegistryAccess({ authenticate, tokens, book, reaches, places, noteDone }, { service }),
  };
}
