// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { parseExpectedDigests } from './expected-digests.ts';

const digestOf = (algorithm: string, content = 'x') => createHash(algorithm).update(content);
const hex = (algorithm: string, content?: string) => digestOf(algorithm, content).digest('hex');
const base64 = (algorithm: string, content?: string) => digestOf(algorithm, content).digest('base64');
const sha256 = { algorithm: 'sha256', hex: hex('sha256') };
const sha512 = { algorithm: 'sha512', hex: hex('sha512') };
const sha1 = { algorithm: 'sha1', hex: hex('sha1') };
const md5 = { algorithm: 'md5', hex: hex('md5') };
const MEMBER = `sha-256=:${base64('sha256')}:`;
const OTHER = `sha-256=:${base64('sha256', 'y')}:`;

it.each([
  [{}, []],
  [{ 'content-type': 'application/octet-stream', 'want-repr-digest': 'sha-256=1', 'if-match': '"a"' }, []],
  [{ 'repr-digest': MEMBER }, [sha256]],
  [{ 'content-digest': MEMBER }, [sha256]],
  [{ 'repr-digest': `sha-512=:${base64('sha512')}:` }, [sha512]],
  [{ 'repr-digest': `sha-512=:${base64('sha512')}:, ${MEMBER}` }, [sha512, sha256]],
  [{ 'repr-digest': `${MEMBER};a=b, md5=:${base64('md5')}:` }, [sha256, md5]],
  [{ 'repr-digest': `unixsum=:AQI=:, ${MEMBER}` }, [sha256]],
  [{ digest: `SHA-256=${base64('sha256')}` }, [sha256]],
  [{ digest: `sha=${base64('sha1')},MD5=${base64('md5')},UNIXsum=30637` }, [sha1, md5]],
  [{ digest: `id-sha-512=${base64('sha512')}` }, [sha512]],
  [{ 'content-md5': base64('md5') }, [md5]],
  [{ 'x-checksum-sha256': hex('sha256') }, [sha256]],
  [{ 'x-checksum-sha256': ` ${hex('sha256').toUpperCase()} ` }, [sha256]],
  [{ 'x-checksum-sha512': hex('sha512') }, [sha512]],
  [{ 'x-checksum-sha1': hex('sha1'), 'x-checksum-md5': hex('md5') }, [sha1, md5]],
  [{ 'x-amz-content-sha256': hex('sha256') }, [sha256]],
  [{ 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' }, []],
  [{ 'x-amz-sdk-checksum-algorithm': 'SHA256', 'x-amz-checksum-sha256': base64('sha256') }, [sha256]],
  [{ 'x-goog-hash': `crc32c=n03x6A==,md5=${base64('md5')}` }, [md5]],
  [{ 'repr-digest': MEMBER, 'content-digest': MEMBER, 'x-checksum-sha256': hex('sha256') }, [sha256]],
])('reads %j', (headers, digests) =>
  expect(parseExpectedDigests(headers)).toEqual({ kind: 'digests', digests }),
);

it.each([
  [{ 'repr-digest': '' }, 'repr-digest must hold'],
  [{ 'repr-digest': 'sha-512=:abc=:' }, '64 bytes of sha512'],
  [{ 'repr-digest': `sha-512=:abc=:, ${MEMBER}` }, '64 bytes of sha512'],
  [{ 'repr-digest': 'crc32c=:AQIDBA==:' }, 'this datastore checks'],
  [{ 'repr-digest': `sha-256=${hex('sha256')}` }, 'repr-digest must hold'],
  [{ 'repr-digest': `${MEMBER}, nonsense` }, 'repr-digest must hold'],
  [{ 'content-digest': 'sha-256=:YWJj:' }, '32 bytes of sha256'],
  [{ digest: 'UNIXsum=30637' }, 'digest must hold'],
  [{ digest: base64('sha256') }, 'digest must hold'],
  [{ 'content-md5': hex('md5') }, '16 bytes of md5'],
  [{ 'content-md5': '' }, '16 bytes of md5'],
  [{ 'x-checksum-sha256': 'abc' }, '64 hexadecimal digits'],
  [{ 'x-checksum-sha256': '' }, '64 hexadecimal digits'],
  [{ 'x-checksum-sha256': `${hex('sha256')}, ${hex('sha256', 'y')}` }, '64 hexadecimal digits'],
  [{ 'x-checksum-crc32c': 'n03x6A==' }, 'x-checksum-crc32c is not understood'],
  [{ 'x-checksum-deploy': 'true' }, 'x-checksum-deploy is not understood'],
  [{ 'x-checksum': hex('sha1') }, 'x-checksum is not understood'],
  [{ 'oc-checksum': `SHA1:${hex('sha1')}` }, 'oc-checksum is not understood'],
  [{ 'upload-checksum': 'sha1 abc' }, 'upload-checksum is not understood'],
  [{ 'x-amz-content-sha256': 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD' }, '64 hexadecimal digits'],
  [{ 'x-amz-checksum-crc32': 'AQIDBA==' }, 'x-amz-checksum-crc32 is not understood'],
  [{ 'x-goog-hash': 'crc32c=n03x6A==' }, 'x-goog-hash must hold'],
  [{ trailer: 'Repr-Digest' }, 'in the trailer is not understood'],
  [{ 'x-amz-trailer': 'x-amz-checksum-crc32' }, 'in the trailer is not understood'],
  [{ 'repr-digest': OTHER, 'x-checksum-sha256': hex('sha256') }, 'contradict each other'],
  [{ 'content-md5': base64('md5'), 'x-checksum-md5': hex('md5', 'y') }, 'contradict each other'],
])('refuses %j', (headers, detail) =>
  expect(parseExpectedDigests(headers)).toEqual({
    kind: 'invalid',
    detail: expect.stringContaining(detail),
  }),
);
