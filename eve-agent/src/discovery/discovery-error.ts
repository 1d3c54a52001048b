// SPDX-License-Identifier: Apache-2.0
import { CodedError } from '@local-datastore/shared/errors';

export type DiscoveryErrorCode =
  /** Nobody gave a sound answer for the host in time. Exit code 3. */
  | 'DATASTORE_NOT_FOUND'
  /** There is no bridge to ask on, or not the one that was named. Exit code 2. */
  | 'NO_BRIDGE'
  /** The URL cannot name an image on a datastore. Exit code 2. */
  | 'URL_INVALID'
  /** The system gives no socket on any of the bridges. Exit code 2. */
  | 'MDNS_UNAVAILABLE';

/** What keeps a datastore from being found. */
export class DiscoveryError extends CodedError<DiscoveryErrorCode> {}
