// SPDX-License-Identifier: Apache-2.0
import { errorMessage, systemErrorCode } from '@local-datastore/shared/errors';

/** Why a TLS connection was not made. */
export interface TlsFailure {
  readonly kind:
    | 'wrong-name'
    | 'expired'
    | 'not-yet-valid'
    /** The chain leads to nobody who is trusted. */
    | 'untrusted'
    /** Too weak, revoked, or not made for this. */
    | 'unsound'
    /** What listens there speaks something else. */
    | 'no-tls'
    /** The two did not come to terms. */
    | 'handshake';
  /** One clause in words, without OpenSSL's numbers and file names. */
  readonly reason: string;
}

const SSL_CODE = /^ERR_SSL_(.+)$/;
/** What comes is no TLS record: most likely plain HTTP. */
const NO_RECORD =
  /^(?:WRONG_VERSION_NUMBER|HTTP_REQUEST|HTTPS_PROXY_REQUEST|PACKET_LENGTH_TOO_LONG|UNKNOWN_PROTOCOL|BAD_RECORD_TYPE)$/;

/** By OpenSSL's reason codes, as Node makes error codes of them; the first that fits. */
const HANDSHAKES: readonly (readonly [RegExp, string])[] = [
  [/PROTOCOL/, 'the two have no version of TLS in common (1.2 or 1.3 is needed)'],
  [/HANDSHAKE_FAILURE|CIPHER|INSUFFICIENT_SECURITY/, 'the two have no cipher in common'],
  [/CERTIFICATE_REQUIRED/, 'it wants a certificate of the client'],
  [/ALERT_(?:UNKNOWN_CA|.*CERTIFICATE)/, 'it refuses the certificate of the client'],
  [/UNRECOGNIZED_NAME/, 'it does not know the name that it was asked by'],
  [/KEY_TOO_SMALL|TOO_WEAK/, 'its key is too weak'],
  [/INTERNAL_ERROR/, 'it ended the handshake for a fault of its own'],
];

/** Node's codes for what OpenSSL finds wrong with a chain (X509_V_ERR_…). */
const CHAIN_CODES: readonly (readonly [RegExp, TlsFailure['kind']])[] = [
  [/^CERT_HAS_EXPIRED$/, 'expired'],
  [/^CERT_NOT_YET_VALID$/, 'not-yet-valid'],
  [/^(?:UNABLE_TO_|(?:DEPTH_ZERO_)?SELF_SIGNED_CERT|CERT_UNTRUSTED$)/, 'untrusted'],
  [/CERT|^CRL_|^INVALID_(?:CA|PURPOSE)$|^PATH_LENGTH|KEY_TOO_SMALL$|MD_TOO_WEAK$/, 'unsound'],
];

/** What a code of Node's says of a certificate chain; null: something else. */
export function chainFailureKind(code: string): TlsFailure['kind'] | null {
  return CHAIN_CODES.find(([pattern]) => pattern.test(code))?.[1] ?? null;
}

/** OpenSSL's own words, where Node hands them on, without where in OpenSSL it happened. */
function plainReason(error: Error): string {
  const { reason } = error as { reason?: unknown };
  if (typeof reason === 'string' && reason !== '') return reason;
  const words = /:SSL routines:[^:]*:([^:]+):/.exec(errorMessage(error))?.[1];
  // Node adds a hint about its own options behind a semicolon.
  return words ?? errorMessage(error).split(';')[0]?.trim() ?? '';
}

/** @returns null when the error is of another kind */
export function readTlsFailure(error: Error): TlsFailure | null {
  const code = systemErrorCode(error) ?? '';
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return { kind: 'wrong-name', reason: plainReason(error) };
  const ssl = SSL_CODE.exec(code)?.[1];
  if (ssl !== undefined) {
    if (NO_RECORD.test(ssl)) return { kind: 'no-tls', reason: 'what listens there speaks no TLS' };
    const reason = HANDSHAKES.find(([pattern]) => pattern.test(ssl))?.[1] ?? plainReason(error);
    return { kind: 'handshake', reason };
  }
  if (code.startsWith('ERR_')) return null;
  const kind = chainFailureKind(code);
  return kind === null ? null : { kind, reason: plainReason(error) };
}

/** A TLS alert in place of the head of a response (RFC 8446 §5.1): HTTP was spoken to a port that wants TLS. */
function isTlsAlert(error: Error): boolean {
  const { data } = error as { data?: unknown };
  return typeof data === 'string' && data.startsWith('\u0015\u0003');
}

/**
 * Why a datastore could not be talked to, and what to do about it.
 *
 * @returns null when TLS has nothing to do with it
 */
export function describeTlsRefusal(error: Error, url: URL): string | null {
  if (isTlsAlert(error)) return `${url.host} speaks TLS: write https://`;
  const failure = readTlsFailure(error);
  if (failure === null) return null;
  const { kind, reason } = failure;
  const certificate = `the certificate of ${url.host}`;
  const clocks = 'set the clocks of this host and of the datastore right';
  switch (kind) {
    case 'wrong-name': {
      const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
      return `${certificate} is not for ${host}: it must name that among its subject alternative names`;
    }
    case 'expired':
      return `${certificate} has expired: renew it, or, if it should be valid, ${clocks}`;
    case 'not-yet-valid':
      return `${certificate} is not valid yet: ${clocks}`;
    case 'untrusted':
      return (
        `${certificate} does not verify (${reason}): name the CA that it comes from with --ca, or in ` +
        'the datastore’s dsCertPEM'
      );
    case 'unsound':
      return `${certificate} cannot be used (${reason}): have it issued anew`;
    case 'no-tls':
      return `no TLS connection to ${url.host}: ${reason}; for plain HTTP write http://`;
    case 'handshake':
      return `no TLS connection to ${url.host}: ${reason}`;
  }
}
