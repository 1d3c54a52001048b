// SPDX-License-Identifier: Apache-2.0
import type { RequestListener } from 'node:http';
import { refuse } from '@local-datastore/shared/http/refuse';
import { createOwnNames, decideOrigin } from '@local-datastore/shared/http/request-origin';

/** They change nothing (RFC 9110 §9.2.1). */
const READING = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Names of one label, `localhost` and addresses alone: what a forwarded socket is asked by. */
const isOwnName = createOwnNames([]);

/**
 * Keeps web pages of others from using what a browser can reach: a certificate that it sends by itself, or a forwarded
 * Unix socket. What they want to change is refused (403). Programs send nothing that tells of a page.
 *
 * @param isPlain whether no certificate of ours says where an answer comes from: then it is refused to names that may be
 *   another's as well (421), which lead here for a moment (DNS rebinding)
 */
export function refuseForeignPages(listener: RequestListener, isPlain: boolean): RequestListener {
  return (request, response) => {
    const { method = '', headers } = request;
    const asked = { isOwnPath: isPlain, isReading: READING.has(method), headers };
    const decision = decideOrigin(asked, isOwnName, []);
    if (decision.kind === 'unknown-host') {
      refuse(request, response, {
        status: 421,
        code: 'HOST_UNKNOWN',
        detail:
          `This agent does not have the name ${JSON.stringify(decision.host)}: ask for it as localhost, by an address ` +
          'or by a name without dots.',
      });
    } else if (decision.kind === 'foreign-origin') {
      refuse(request, response, {
        status: 403,
        code: 'ORIGIN_FOREIGN',
        detail:
          `The request was caused by ${decision.origin}, which is not this agent: only its own page and programs may ` +
          'change something.',
      });
    } else listener(request, response);
  };
}
