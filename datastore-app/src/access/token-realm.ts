// SPDX-License-Identifier: Apache-2.0
import type { IncomingMessage } from 'node:http';
import type { Places } from './places.ts';

/** Where tokens are issued. */
export const TOKEN_PATH = '/-/token';

/** The URL of the token service as the client of a request reaches it: the address of a datastore moves. */
export const realmOf = (
  request: Pick<IncomingMessage, 'headers' | 'socket'>,
  { originFor }: Pick<Places, 'originFor'>,
): string => `${originFor(request)}${TOKEN_PATH}`;
