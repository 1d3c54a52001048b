// SPDX-License-Identifier: Apache-2.0
import { CodedError, errorMessage, systemErrorCode } from '@local-datastore/shared/errors';
import { readTlsFailure } from '../transfer/tls-failure.ts';
import { describeLongSocketPath } from './socket-path.ts';

/** The service cannot be asked, or refuses. */
export class AgentApiError extends CodedError<'AGENT_UNREACHABLE' | 'AGENT_REFUSED'> {}

/** Why no answer came by a Unix socket. */
export function unreachable(path: string, error: unknown): AgentApiError {
  const code = systemErrorCode(error);
  const otherwise =
    code === 'ENOENT' || code === 'ECONNREFUSED'
      ? `no agent runs on ${path}: start "eve-agent run", or name its state directory with --state`
      : `the agent on ${path} cannot be asked: ${errorMessage(error)}`;
  const why = describeLongSocketPath(path) ?? otherwise;
  return new AgentApiError('AGENT_UNREACHABLE', why, { cause: error });
}

/** What OpenSSL says when the other side ended the handshake with an alert (RFC 8446 §6.2). */
const CERTIFICATE_ALERT =
  /ALERT_(CERTIFICATE_|UNKNOWN_CA|BAD_CERTIFICATE|UNSUPPORTED_CERTIFICATE|ACCESS_DENIED)/;
/** What Node says of a certificate that leads to no trusted authority. */
const UNTRUSTED =
  /^(UNABLE_TO_(VERIFY_LEAF_SIGNATURE|GET_ISSUER_CERT(_LOCALLY)?)|(DEPTH_ZERO_)?SELF_SIGNED_CERT(_IN_CHAIN)?)$/;

/**
 * Why no answer came by TCP.
 *
 * @param isTrusted whether the service's own certificate was found right before the failure
 */
export function unreachableByTls({ host }: URL, isTrusted: boolean, error: unknown): AgentApiError {
  const code = systemErrorCode(error) ?? '';
  const unreached = (why: string) => new AgentApiError('AGENT_UNREACHABLE', why, { cause: error });
  // Of TLS 1.3 the client has its part done before the service has looked at its certificate.
  const isCut = isTrusted && ['ECONNRESET', 'EPIPE'].includes(code);
  if (CERTIFICATE_ALERT.test(code) || isCut) {
    const does = isCut ? 'closes the connection: it seems to refuse' : 'refuses';
    const why =
      `the agent on ${host} ${does} the client certificate; give one with --client-certificate that is valid ` +
      'now, and of the authority that the agent has as --client-ca';
    return new AgentApiError('AGENT_REFUSED', why, { cause: error });
  }
  if (UNTRUSTED.test(code)) {
    return unreached(
      `the certificate of the agent on ${host} is not of an authority that is trusted: name the file of its ` +
        `authority with --server-ca (${errorMessage(error)})`,
    );
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return unreached(
      `the certificate of the agent on ${host} is for another name: use a name or address that it has with ` +
        `--api (${errorMessage(error)})`,
    );
  }
  if (code === 'ECONNREFUSED') {
    return unreached(`no agent listens on ${host}: start "eve-agent run" with --listen, or correct --api`);
  }
  const failure = error instanceof Error ? readTlsFailure(error) : null;
  switch (failure?.kind) {
    case 'expired':
    case 'not-yet-valid': {
      const what = failure.kind === 'expired' ? 'has expired' : 'is not valid yet';
      return unreached(
        `the certificate of the agent on ${host} ${what}: renew it, or set the clocks of both hosts right`,
      );
    }
    case 'no-tls':
      return unreached(`what listens on ${host} speaks no TLS: it is not the agent’s API, or --api is wrong`);
    default:
      return unreached(`the agent on ${host} cannot be asked: ${failure?.reason ?? errorMessage(error)}`);
  }
}

/** An answer broke off: the service ended, or the way to it. */
export function brokenOff(error: unknown): AgentApiError {
  const why = `the agent ended the connection (${errorMessage(error)}): "eve-agent status" tells whether it runs`;
  return new AgentApiError('AGENT_UNREACHABLE', why, { cause: error });
}
