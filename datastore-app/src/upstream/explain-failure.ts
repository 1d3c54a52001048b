// SPDX-License-Identifier: Apache-2.0
import { type ErrorDetails, errorMessage, systemErrorCode } from '@local-datastore/shared/errors';
import { UpstreamError } from './upstream-error.ts';

/** By the codes of Node and OpenSSL. Everything else is said in its own words. */
const CAUSES: Readonly<Record<string, string>> = {
  ENOTFOUND: 'its name is not known to the name service',
  LOCAL_HOST_NOT_FOUND: 'no host of this name answers by multicast DNS',
  EAI_AGAIN: 'the name service does not answer',
  ECONNREFUSED: 'nothing listens at its address and port',
  ECONNRESET: 'it closed the connection',
  EPIPE: 'it closed the connection',
  EHOSTUNREACH: 'there is no way to its address',
  ENETUNREACH: 'there is no way to its network',
  ETIMEDOUT: 'it does not answer in time',
  HPE_HEADER_OVERFLOW: 'the head of its answer is too large',
  EPROTO: 'it does not speak TLS there, or no version of it that is known here',
  ERR_SSL_WRONG_VERSION_NUMBER: 'it does not speak TLS there: try http',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'it does not speak TLS there: try http',
  CERT_HAS_EXPIRED: 'its certificate has expired, or the clock here is wrong',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet: the clock here may be wrong',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is its own: name its authority (ca)',
  SELF_SIGNED_CERT_IN_CHAIN: 'its authority is not known here: name it (ca)',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its authority is not known here: name it (ca)',
  UNABLE_TO_GET_ISSUER_CERT: 'its authority is not known here: name it (ca)',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its authority is not known here: name it (ca)',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name',
};

/** What the parser of HTTP says of what is none. */
const causeOfKind = (code: string) => (code.startsWith('HPE_') ? 'it does not speak HTTP there' : undefined);

/** The codes of an error and of what it comes of. */
function* codesOf(error: unknown): Generator<string> {
  for (let current = error, depth = 0; current instanceof Error && depth < 5; depth += 1) {
    const code = systemErrorCode(current);
    if (code !== undefined) yield code;
    if (current instanceof AggregateError) for (const each of current.errors) yield* codesOf(each);
    current = current.cause;
  }
}

/**
 * Says in plain words why an upstream could not be spoken to.
 *
 * @param host as a person knows it
 * @param details facts for {@link UpstreamError.details}
 */
export function explainFailure(host: string, error: unknown, details: ErrorDetails = {}): UpstreamError {
  if (error instanceof UpstreamError) return error;
  const unreachable = (cause: string) =>
    new UpstreamError('UNREACHABLE', `${host} cannot be reached: ${cause}`, {
      ...{ cause: error, retryable: true, details },
    });
  for (const code of codesOf(error)) {
    const cause = Object.hasOwn(CAUSES, code) ? CAUSES[code] : causeOfKind(code);
    if (cause !== undefined) return unreachable(cause);
  }
  return unreachable(errorMessage(error));
}
