// SPDX-License-Identifier: Apache-2.0
/** A certificate, with its chain, and its key. PEM. */
export interface TlsIdentity {
  readonly certificate: string;
  readonly key: string;
}

/** From when to when a certificate is good. */
export interface Validity {
  readonly notBefore: Date;
  readonly notAfter: Date;
}
