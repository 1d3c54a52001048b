// SPDX-License-Identifier: Apache-2.0
import { ConfigurationError } from '@local-datastore/shared/errors';
import type { GivenFiles } from './given-identity.ts';

/** Ways to say where certificates come from; files say it themselves. */
export const TLS_MODES = ['off', 'authority'] as const;

export type TlsChoice =
  | { readonly kind: 'off' }
  | { readonly kind: 'authority' }
  | ({ readonly kind: 'given' } & GivenFiles);

/**
 * Where the certificate of HTTPS is to come from. Without a word about it TLS is off: a device must be given
 * the authority's certificate before it can use HTTPS, and a taken port 443 must not keep HTTP from starting.
 *
 * @throws ConfigurationError when the options contradict each other
 */
export function decideTls(options: {
  readonly tls?: (typeof TLS_MODES)[number];
  readonly tlsCertificate?: string;
  readonly tlsKey?: string;
}): TlsChoice {
  const { tls, tlsCertificate: certificateFile, tlsKey: keyFile } = options;
  if (certificateFile === undefined && keyFile === undefined) return { kind: tls ?? 'off' };
  if (tls !== undefined) {
    throw new ConfigurationError(
      `--tls ${tls} contradicts --tls-certificate and --tls-key, which bring a certificate of their own: ` +
        'leave out the one or the others',
    );
  }
  if (certificateFile === undefined || keyFile === undefined) {
    throw new ConfigurationError('--tls-certificate and --tls-key belong together: one is missing');
  }
  return { kind: 'given', certificateFile, keyFile };
}
