// SPDX-License-Identifier: Apache-2.0
import { X509Certificate } from 'node:crypto';
import type { Log } from '@local-datastore/shared/log';
import type { TlsIdentity } from '@local-datastore/shared/tls/tls-identity';
import type { Authority } from './authority.ts';
import { describeCertificate, whyOutOfTime } from './certificate-facts.ts';
import type { CertificateSource } from './certificate-source.ts';
import { repeat } from './repeat.ts';
import { isLeafDue, planLeafValidity } from './validity.ts';

/** An address is announced after probes of 250 ms and more (RFC 6762 §8.1): by then it has its certificate. */
const WATCH_INTERVAL_MS = 250;

export interface AuthoritySourceDeps {
  readonly log: Log;
  /** As listOwnAddresses. */
  listAddresses(): readonly string[];
  readonly now?: () => number;
  readonly watchIntervalMs?: number;
}

export interface AuthoritySourceOptions {
  readonly authority: Authority;
  /** From parseHostLabel. */
  readonly hostLabel: string;
  /** By which clients elsewhere reach it, a name or an address. */
  readonly publicName?: string | undefined;
}

/** The names of a datastore, in front of its addresses. */
const namesOf = (hostLabel: string, publicName: string | undefined): string[] => {
  const names = [`${hostLabel}.local`, hostLabel, 'localhost', ...[publicName ?? []].flat()];
  return [...new Set(names.map((name) => name.toLowerCase()))];
};

/**
 * Certificates of the built-in authority, for the host name and every current address: a new one when an
 * address comes or goes, and before the present one expires. They live in memory alone.
 */
export async function createAuthoritySource(
  deps: AuthoritySourceDeps,
  { authority, hostLabel, publicName }: AuthoritySourceOptions,
): Promise<CertificateSource> {
  const { log, listAddresses, now = Date.now, watchIntervalMs = WATCH_INTERVAL_MS } = deps;
  const { issueLeaf } = await import('@local-datastore/shared/tls/issue-certificates');
  const authorityCertificate = new X509Certificate(authority.certificate);
  const names = namesOf(hostLabel, publicName);

  async function issue(addresses: readonly string[]) {
    const identity = await issueLeaf(authority, {
      ...planLeafValidity(now(), authority.notAfter),
      commonName: hostLabel,
      alternativeNames: [...new Set([...names, ...addresses])],
    });
    const certificate = new X509Certificate(identity.certificate);
    const fields = { addresses, notAfter: certificate.validToDate.toISOString() };
    log.info(fields, 'HTTPS has a certificate for the present addresses');
    return { identity, certificate, addresses: addresses.join() };
  }

  let leaf = await issue(listAddresses());

  async function refresh(onChange: (identity: TlsIdentity) => void): Promise<void> {
    const addresses = listAddresses();
    const isDue = isLeafDue(now(), leaf.certificate.validToDate, authority.notAfter);
    if (addresses.join() === leaf.addresses && !isDue) return;
    const next = await issue(addresses);
    onChange(next.identity);
    leaf = next;
  }

  return {
    authorityPem: authority.certificate,
    identity: () => leaf.identity,
    status: () => describeCertificate(leaf.certificate, 'authority'),
    reasonsNotReady() {
      const reason = whyOutOfTime(authorityCertificate, now());
      if (reason === undefined) return [];
      return [
        `${reason}, and so did its authority: move ${authority.file} and its key away, and start again`,
      ];
    },
    follow(onChange, signal) {
      const onError = (error: unknown) => log.error({ err: error }, 'no new TLS certificate could be made');
      void repeat(() => refresh(onChange), { intervalMs: watchIntervalMs, onError }, signal);
    },
  };
}
