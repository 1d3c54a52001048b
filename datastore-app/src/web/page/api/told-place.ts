// SPDX-License-Identifier: Apache-2.0
import type { Status } from './answers.ts';

/** Scheme, host and port, as `location` and URLs have them. */
export interface Place {
  readonly protocol: string;
  readonly host: string;
  readonly hostname: string;
  readonly origin: string;
}

/** By what clients are told to reach the datastore: its public place, where it has one, or as the page was asked. */
export const toldPlace = (status: Pick<Status, 'publicUrl'> | undefined, asked: Place): Place =>
  status?.publicUrl == null ? asked : new URL(status.publicUrl);

/** Whether the certificate that is shown there is of the datastore's own authority, as far as that can be known. */
export function hasOwnAuthority(
  status: Pick<Status, 'publicUrl' | 'tls'> | undefined,
  { hostname }: Pick<Place, 'hostname'>,
): boolean {
  const { tls } = status ?? {};
  if (tls?.kind !== 'authority') return false;
  // That of a proxy is not, unless ours is for its name: then it only hands connections on.
  const name = hostname.replace(/^\[(.*)\]$/, '$1');
  return status?.publicUrl == null || [...tls.names, ...tls.addresses].includes(name);
}
