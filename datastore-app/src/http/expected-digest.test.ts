import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { parseExpectedDigest } from './expected-digest.ts';

const DIGEST = createHash('sha256').update('x').digest();
const HEX = DIGEST.toString('hex');
const MEMBER = `sha-256=:${DIGEST.toString('base64')}:`;
const OTHER = `sha-256=:${createHash('sha256').update('y').digest('base64')}:`;
const EXPECTED = { kind: 'sha256', sha256: HEX };

it.each([
  [{}, { kind: 'none' }],
  [{ 'repr-digest': MEMBER }, EXPECTED],
  [{ 'content-digest': MEMBER }, EXPECTED],
  [{ 'repr-digest': `sha-512=:abc=:, ${MEMBER}` }, EXPECTED],
  [{ 'repr-digest': `${MEMBER};a=b, sha-512=:abc=:` }, EXPECTED],
  [{ 'x-checksum-sha256': HEX }, EXPECTED],
  [{ 'x-checksum-sha256': ` ${HEX.toUpperCase()} ` }, EXPECTED],
  [{ 'repr-digest': MEMBER, 'content-digest': MEMBER, 'x-checksum-sha256': HEX }, EXPECTED],
])('reads %j', (headers, expected) => expect(parseExpectedDigest(headers)).toEqual(expected));

it.each([
  [{ 'repr-digest': '' }, 'repr-digest must hold'],
  [{ 'repr-digest': 'sha-512=:abc=:' }, 'checks no other digest'],
  [{ 'repr-digest': `sha-256=${HEX}` }, 'repr-digest must hold'],
  [{ 'content-digest': 'sha-256=:YWJj:' }, 'content-digest must hold'],
  [{ 'x-checksum-sha256': 'abc' }, '64 hexadecimal digits'],
  [{ 'x-checksum-sha256': '' }, '64 hexadecimal digits'],
  [{ 'repr-digest': OTHER, 'x-checksum-sha256': HEX }, 'contradict each other'],
])('refuses %j', (headers, detail) =>
  expect(parseExpectedDigest(headers)).toEqual({ kind: 'invalid', detail: expect.stringContaining(detail) }),
);
