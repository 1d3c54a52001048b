// SPDX-License-Identifier: Apache-2.0
import type { TlsIdentity } from '@local-datastore/shared/tls/tls-identity';

/** Facts about the certificate that HTTPS presents. */
export interface TlsStatus {
  /** Of the built-in authority, or given by configuration. */
  readonly kind: 'authority' | 'given';
  /** Such as `CN=ds`. */
  readonly subject: string;
  /** ISO 8601. */
  readonly notAfter: string;
  /** The host names it is good for. */
  readonly names: readonly string[];
  /** The IP addresses it is good for; EVE dials one of these. */
  readonly addresses: readonly string[];
  /** SHA-256 of the certificate as openssl prints it: upper-case hex, with colons. */
  readonly fingerprint256: string;
}

/** Where the certificate comes from that HTTPS presents. */
export interface CertificateSource {
  /** What is to be presented now. */
  identity(): TlsIdentity;
  status(): TlsStatus;
  /** The built-in authority's own certificate, PEM: EVE's `dsCertPEM`. undefined: the certificate was given. */
  readonly authorityPem: string | undefined;
  /** Why clients refuse the certificate, as sentences; none: it is valid. */
  reasonsNotReady(): readonly string[];
  /** Keeps up with the changing world until the signal aborts. @param onChange takes what is presented next */
  follow(onChange: (identity: TlsIdentity) => void, signal: AbortSignal): void;
}
