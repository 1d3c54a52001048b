// SPDX-License-Identifier: Apache-2.0
import { errorMessage } from '@local-datastore/shared/errors';
import { openReloadedFiles } from '@local-datastore/shared/files/reloaded-files';
import type { Log } from '@local-datastore/shared/log';
import type { TlsIdentity } from '@local-datastore/shared/tls/tls-identity';
import { describeCertificate, whyOutOfTime } from './certificate-facts.ts';
import type { CertificateSource } from './certificate-source.ts';
import { type GivenFiles, readGivenIdentity } from './given-identity.ts';
import { repeat } from './repeat.ts';

const WATCH_INTERVAL_MS = 2000;

export interface GivenSourceDeps {
  readonly log: Log;
  /** The addresses that are advertised, one of which EVE dials. */
  listAdvertisedAddresses(): readonly string[];
  readonly now?: () => number;
  readonly watchIntervalMs?: number;
}

export interface GivenSourceOptions extends GivenFiles {
  /** From parseHostLabel. */
  readonly hostLabel: string;
}

/**
 * The certificate of two files, read again when they change. What cannot be used then is logged, and the old
 * one stays.
 *
 * @throws ConfigurationError when it cannot be used from the beginning
 */
export async function createGivenSource(
  deps: GivenSourceDeps,
  options: GivenSourceOptions,
): Promise<CertificateSource> {
  const { log, listAdvertisedAddresses, now = Date.now, watchIntervalMs = WATCH_INTERVAL_MS } = deps;
  const { certificateFile, keyFile, hostLabel } = options;
  const hostName = `${hostLabel}.local`.toLowerCase();

  const files = await openReloadedFiles([certificateFile, keyFile], {
    read: () => readGivenIdentity(options),
    onUnusable(error) {
      log.error({ reason: errorMessage(error) }, 'the new TLS certificate is not taken; the old one stays');
    },
  });
  let current = files.first;
  let warned = '';

  /** Says once what clients will find wrong. */
  function warn(): void {
    const { leaf } = current;
    const uncovered = listAdvertisedAddresses().filter((address) => leaf.checkIP(address) === undefined);
    const outOfTime = whyOutOfTime(leaf, now());
    const state = [leaf.fingerprint256, outOfTime, ...uncovered].join();
    if (state === warned) return;
    warned = state;
    const { names, addresses } = describeCertificate(leaf, 'given');
    const fields = { file: certificateFile, names, addresses };
    if (outOfTime !== undefined) log.warn(fields, `${outOfTime}: clients will refuse it`);
    if (uncovered.length > 0) {
      log.warn(
        { ...fields, uncovered },
        `the TLS certificate lacks ${uncovered.join(', ')}: EVE dials the address, and will refuse it there`,
      );
    }
    if (leaf.checkHost(hostName) === undefined) {
      log.warn(fields, `the TLS certificate lacks ${hostName}: clients that use the name will refuse it`);
    }
  }

  async function refresh(onChange: (identity: TlsIdentity) => void): Promise<void> {
    await files.look((next) => {
      if (next.certificate === current.certificate && next.key === current.key) return;
      onChange(next);
      current = next;
      const { subject, notAfter } = describeCertificate(next.leaf, 'given');
      log.info({ file: certificateFile, subject, notAfter }, 'HTTPS has the new certificate');
    });
    warn();
  }

  warn();
  return {
    authorityPem: undefined,
    identity: () => current,
    status: () => describeCertificate(current.leaf, 'given'),
    reasonsNotReady: () => [whyOutOfTime(current.leaf, now()) ?? []].flat(),
    follow(onChange, signal) {
      const onError = (error: unknown) => log.error({ err: error }, 'the TLS certificate cannot be watched');
      void repeat(() => refresh(onChange), { intervalMs: watchIntervalMs, onError }, signal);
    },
  };
}
