// SPDX-License-Identifier: Apache-2.0
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';

/**
 * The fingerprint (SHA-256, lower-case hexadecimal digits) of the certificate that a client has shown, and whose key
 * it has; undefined: it showed none. Who issued it is not looked at: the fingerprint says which certificate it is.
 */
export function clientFingerprint(socket: Socket): string | undefined {
  const { getPeerX509Certificate } = socket as Partial<TLSSocket>;
  const certificate = getPeerX509Certificate?.call(socket);
  return certificate?.fingerprint256.replaceAll(':', '').toLowerCase();
}
