// SPDX-License-Identifier: Apache-2.0
import type { Evidence } from './evidence.ts';

/** Whether nothing can be asked by TLS: no handshake, a chain that is not trusted, or the certificate of another. */
export function isTlsWrong({ tls }: Pick<Evidence, 'tls'>): boolean {
  if (tls === null) return false;
  const { certificate, handshakeError, chainError } = tls;
  const isForAnother = certificate !== null && !certificate.isForAddress && !certificate.isForName;
  return handshakeError !== null || chainError !== null || isForAnother;
}
