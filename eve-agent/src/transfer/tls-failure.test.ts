// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest';
import { describeTlsRefusal, readTlsFailure } from './tls-failure.ts';

const RAW =
  '405D4B27477F0000:error:0A00010B:SSL routines:tls_validate_record_header:wrong version number:../deps/openssl/openssl/ssl/record/methods/tlsany_meth.c:77:\n';
const failing = (code: string, message: string = RAW, more: object = {}) =>
  Object.assign(new Error(message), { code, ...more });
const URL_HTTPS = new URL('https://10.1.0.5:8443/a.img');

/** No message repeats OpenSSL's numbers, files or functions. */
test.each<[string, string, string, RegExp]>([
  ['CERT_HAS_EXPIRED', 'certificate has expired', 'expired', /has expired: renew it.*clocks/],
  ['CERT_NOT_YET_VALID', 'certificate is not yet valid', 'not-yet-valid', /not valid yet: set the clocks/],
  [
    'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    'unable to verify the first certificate; if the root CA is …',
    'untrusted',
    /\(unable to verify the first certificate\): name the CA .* --ca/,
  ],
  ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'unable to get local issuer certificate', 'untrusted', /name the CA/],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', 'self-signed certificate', 'untrusted', /name the CA/],
  ['SELF_SIGNED_CERT_IN_CHAIN', 'self-signed certificate in certificate chain', 'untrusted', /name the CA/],
  [
    'CERT_REVOKED',
    'certificate revoked',
    'unsound',
    /cannot be used \(certificate revoked\): have it issued anew/,
  ],
  ['CERT_SIGNATURE_FAILURE', 'certificate signature failure', 'unsound', /issued anew/],
  ['INVALID_PURPOSE', 'unsuitable certificate purpose', 'unsound', /issued anew/],
  ['INVALID_CA', 'invalid CA certificate', 'unsound', /issued anew/],
  ['PATH_LENGTH_EXCEEDED', 'path length constraint exceeded', 'unsound', /issued anew/],
  ['EE_KEY_TOO_SMALL', 'EE certificate key too weak', 'unsound', /issued anew/],
  ['CA_MD_TOO_WEAK', 'CA signature digest algorithm too weak', 'unsound', /issued anew/],
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'x', 'wrong-name', /is not for 10\.1\.0\.5: it must name that/],
  ['ERR_SSL_WRONG_VERSION_NUMBER', RAW, 'no-tls', /speaks no TLS; for plain HTTP write http:\/\/$/],
  ['ERR_SSL_HTTP_REQUEST', RAW, 'no-tls', /write http:\/\/$/],
  ['ERR_SSL_PACKET_LENGTH_TOO_LONG', RAW, 'no-tls', /write http:\/\/$/],
  ['ERR_SSL_UNSUPPORTED_PROTOCOL', RAW, 'handshake', /no version of TLS in common/],
  ['ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION', RAW, 'handshake', /no version of TLS in common/],
  ['ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE', RAW, 'handshake', /no cipher in common/],
  ['ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE', RAW, 'handshake', /no cipher in common/],
  ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', RAW, 'handshake', /certificate of the client/],
  ['ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', RAW, 'handshake', /refuses the certificate of the client/],
  ['ERR_SSL_TLSV1_UNRECOGNIZED_NAME', RAW, 'handshake', /does not know the name/],
  ['ERR_SSL_DH_KEY_TOO_SMALL', RAW, 'handshake', /too weak/],
  ['ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR', RAW, 'handshake', /fault of its own/],
  [
    'ERR_SSL_BAD_EXTENSION',
    RAW.replace('wrong version number', 'bad extension'),
    'handshake',
    /5:8443: bad extension$/,
  ],
])('%s', (code, message, kind, text) => {
  const error = failing(code, message);
  expect(readTlsFailure(error)?.kind).toBe(kind);
  const described = describeTlsRefusal(error, URL_HTTPS);
  expect(described).toMatch(text);
  expect(described).not.toMatch(/error:|routines|\.c:|openssl\//i);
});

test('what Node hands on as the reason comes before what stands in the text', () => {
  const error = failing('ERR_SSL_BAD_EXTENSION', RAW, { reason: 'bad extension' });
  expect(readTlsFailure(error)?.reason).toBe('bad extension');
});

test.each([
  'ECONNREFUSED',
  'ECONNRESET',
  'UND_ERR_SOCKET',
  'HPE_INVALID_CONSTANT',
  'ERR_INVALID_ARG_TYPE',
  '',
])('"%s" is none of TLS', (code) => {
  expect(describeTlsRefusal(failing(code, 'x'), URL_HTTPS)).toBeNull();
});

test('HTTP to a port that wants TLS', () => {
  const error = failing('HPE_INVALID_CONSTANT', 'Parse Error', {
    data: '\u0015\u0003\u0003\u0000\u0002\u0002F',
  });
  expect(describeTlsRefusal(error, new URL('http://10.1.0.5:443/'))).toBe(
    '10.1.0.5:443 speaks TLS: write https://',
  );
});
