// SPDX-License-Identifier: Apache-2.0
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Refuse, refuse } from '@local-datastore/shared/http/refuse';
import { decideOrigin, type IsOwnName } from '@local-datastore/shared/http/request-origin';

/**
 * Answers a request that a page of somebody else's caused (403, 421), and says whether it may go on.
 *
 * @param refuseBy in whose form it is answered
 */
export type RequireOrigin = (
  request: IncomingMessage,
  response: ServerResponse,
  asked: { readonly isOwnPath: boolean; readonly isReading: boolean },
  refuseBy?: Refuse,
) => boolean;

/** @param trustedNames of `--trusted-host`, in lower case */
export function createRequireOrigin(isOwnName: IsOwnName, trustedNames: readonly string[]): RequireOrigin {
  return (request, response, asked, refuseBy = refuse) => {
    const { isOwnPath, isReading } = asked;
    const { headers } = request;
    const decision = decideOrigin({ isOwnPath, isReading, headers }, isOwnName, trustedNames);
    if (decision.kind === 'allowed') return true;
    const problem =
      decision.kind === 'unknown-host'
        ? {
            status: 421,
            code: 'HOST_UNKNOWN',
            detail:
              `This datastore does not have the name ${JSON.stringify(decision.host)}: ask for it by address or by ` +
              'its own name, or give it the name with --trusted-host (DATASTORE_TRUSTED_HOST).',
          }
        : {
            status: 403,
            code: 'ORIGIN_FOREIGN',
            detail:
              `The request was caused by ${decision.origin}, which is not this datastore: only its own page and ` +
              'programs may change something. Behind a proxy, name the proxy with --trusted-host.',
          };
    refuseBy(request, response, problem);
    return false;
  };
}
