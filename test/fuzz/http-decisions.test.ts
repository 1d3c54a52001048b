// SPDX-License-Identifier: Apache-2.0
/** What both programs decide about header fields and paths of any content. */
import { join, normalize } from 'node:path';
import { digestOfHex } from '@local-datastore/shared/oci/digest';
import { describe, expect, it } from 'vitest';
import { parseAuthorization } from '../../datastore-app/src/access/credential.ts';
import { parseExpectedDigests } from '../../datastore-app/src/http/expected-digests.ts';
import {
  decideEntityTag,
  decideRange,
  isMatch,
  type Validators,
  validatorsOf,
} from '../../datastore-app/src/http/validators.ts';
import { isOwnPath, parseImagePath, pathOfTarget } from '../../datastore-app/src/images/image-path.ts';
import { decideResponse, type Expectation } from '../../eve-agent/src/transfer/decide-response.ts';
import { isResumable } from '../../eve-agent/src/transfer/decide-resume.ts';
import { parseRegularHead } from '../../eve-agent/src/transfer/regular-head.ts';
import { isContradicted, readStatedSha256, readValidators } from '../../eve-agent/src/transfer/validators.ts';
import { type Random, randomOfThisRun } from '../random.ts';
import { repetitions } from '../soak.ts';

const CASES = repetitions({ short: 10_000, long: 50_000 });
const SHA256 = 'ab'.repeat(32);
const VERSION = {
  ...{ sizeBytes: 4096, mtimeNs: 1_770_091_506_000_000_255n, ctimeNs: 1_770_091_507_000_000_000n },
  ...{ inode: 17n, device: 0xfe00n },
};
const DATE = 'Tue, 03 Feb 2026 04:05:06 GMT';
const NUMBERS = [
  '',
  '0',
  '1',
  '99',
  '100',
  '4095',
  '4096',
  '4097',
  '9007199254740993',
  '9'.repeat(40),
  '-1',
  '1e3',
  '٣',
];
const SPACES = ['', ' ', '\t', '   '];

const digits = (random: Random) => random.pick(NUMBERS);

function someText(random: Random, alphabet: string): string {
  const characters = [...alphabet];
  return Array.from({ length: random.integer(0, 24) }, () => random.pick(characters)).join('');
}

/** A text that is near to one of these: whole, cut, doubled or with a character changed. */
function near(random: Random, ...texts: readonly string[]): string {
  const text = random.pick(texts);
  const at = random.integer(0, text.length);
  switch (random.integer(0, 5)) {
    case 0:
      return text.slice(0, at);
    case 1:
      return `${text}, ${text}`;
    case 2:
      return text.slice(0, at) + random.pick([...' ",:;=/%\\W-*\u00e9\u0000']) + text.slice(at + 1);
    default:
      return text;
  }
}

function someRange(random: Random): string {
  const unit = random.pick(['bytes', 'Bytes', 'byte', 'bytes ', '']);
  const one = `${random.pick(SPACES)}${digits(random)}-${digits(random)}${random.pick(SPACES)}`;
  return near(random, `${unit}=${one}`, `${unit}=${one}`, `${unit}=${one},${one}`);
}

describe('the datastore', () => {
  const random = randomOfThisRun('HTTP decisions of the datastore');
  const validators: Validators = validatorsOf(VERSION, SHA256);
  const tags = [
    validators.entityTag,
    validators.statTag,
    DATE,
    `W/${validators.entityTag}`,
    '"other"',
    '*',
    '',
  ];

  it('obeys only ranges that are one, of the content that is meant', () => {
    let obeyed = 0;
    for (let count = 0; count < CASES; count += 1) {
      const ifRange = random.next() < 0.5 ? near(random, ...tags) : undefined;
      const headers = { range: someRange(random), ...(ifRange !== undefined && { 'if-range': ifRange }) };
      const range = decideRange('GET', headers, validators, VERSION.sizeBytes);
      expect([validators.entityTag, validators.statTag]).toContain(decideEntityTag(headers, validators));
      if (range === undefined) continue;
      obeyed += 1;
      const [, first = '', last = ''] = /^bytes=(\d*)-(\d*)$/.exec(range) ?? [];
      expect(first !== '' || last !== '').toBe(true);
      if (first !== '' && last !== '') expect(BigInt(first) <= BigInt(last)).toBe(true);
      if (first === '') expect(BigInt(last) <= VERSION.sizeBytes).toBe(true);
      if (ifRange !== undefined) expect(tags.slice(0, 2)).toContain(ifRange.trim());
    }
    expect(obeyed).toBeGreaterThan(0);
  });

  it('never takes a weak or foreign tag for its own', () => {
    for (let count = 0; count < CASES; count += 1) {
      const ifMatch = near(random, ...tags);
      if (!isMatch(ifMatch, validators)) continue;
      const isNamed = ifMatch.includes(validators.entityTag) || ifMatch.includes(validators.statTag);
      expect(ifMatch.trim() === '*' || isNamed).toBe(true);
    }
  });

  it('reads paths that stay below the root, and writes them back', () => {
    const pieces = [
      'a',
      'b.img',
      '..',
      '.',
      '',
      '-',
      'lost+found',
      '%2e%2e',
      '%2F',
      '%5c',
      '\\',
      '%00',
      '%',
      '%zz',
    ];
    const more = [
      'é',
      '%C3%A9',
      '%ff',
      'x'.repeat(255),
      'x'.repeat(256),
      '.hidden',
      '~',
      ' ',
      '%20',
      '%252e',
    ];
    let found = 0;
    for (let count = 0; count < CASES; count += 1) {
      const names = Array.from({ length: random.integer(0, 18) }, () => random.pick([...pieces, ...more]));
      const target = random.pick(['/', '', 'http://ds.local/', '//', '*']) + names.join('/');
      const urlPath = pathOfTarget(near(random, target, `${target}?a=/../b`));
      const path = parseImagePath(urlPath);
      if (path === undefined) continue;
      found += 1;
      expect(normalize(join('/root', path))).toBe(`/root/${path}`);
      expect(path).not.toMatch(/(?:^|\/)(?:\.|lost\+found(?:\/|$))/);
      expect(isOwnPath(`/${path}`)).toBe(false);
      expect(Buffer.byteLength(path)).toBeLessThanOrEqual(1024);
      expect(parseImagePath(`/${path.split('/').map(encodeURIComponent).join('/')}`)).toBe(path);
    }
    expect(found).toBeGreaterThan(0);
  });

  it('reads digests and credentials, or says what is wrong', () => {
    const base64 = Buffer.from(SHA256, 'hex').toString('base64');
    const kinds: Record<string, number> = {};
    for (let count = 0; count < CASES; count += 1) {
      const promise = parseExpectedDigests({
        ...(random.next() < 0.7 && {
          'repr-digest': near(random, `sha-256=:${base64}:`, `sha-512=:x:, sha-256=:${base64}:;a=1`, ''),
        }),
        ...(random.next() < 0.3 && { 'x-checksum-sha256': near(random, SHA256, SHA256.toUpperCase(), '') }),
      });
      const kind = promise.kind === 'digests' && promise.digests.length === 0 ? 'none' : promise.kind;
      kinds[kind] = (kinds[kind] ?? 0) + 1;
      for (const digest of promise.kind === 'digests' ? promise.digests : []) {
        expect(digest.hex).toMatch(/^[0-9a-f]{64}$/);
      }
      const credential = near(
        random,
        'Basic dTpw',
        'Bearer token',
        'key word word',
        someText(random, ' \tBasic:='),
      );
      for (const { password } of parseAuthorization(credential)) expect(typeof password).toBe('string');
    }
    for (const kind of ['none', 'digests', 'invalid']) expect(kinds[kind]).toBeGreaterThan(0);
  });

  it('reads headers as long as it takes them in a time that does not grow with their square', () => {
    const hostile = [' ', ', ', ',;', '"', 'W/"', 'sha-256=:', '%', '/', 'bytes=', '1-', '0'].map((piece) =>
      piece.repeat(16_384 / piece.length),
    );
    for (const text of hostile) {
      for (const prefix of ['', 'bytes=', 'sha-256=:', 'Basic ', '"']) {
        const value = `${prefix}${text}x`;
        decideRange('GET', { range: value, 'if-range': value }, validators, VERSION.sizeBytes);
        isMatch(value, validators);
        parseExpectedDigests({ 'repr-digest': value, 'content-digest': value, 'x-checksum-sha256': value });
        parseExpectedDigests({ digest: value, 'content-md5': value, 'x-goog-hash': value, trailer: value });
        parseAuthorization(value);
        parseImagePath(pathOfTarget(`/${value}`));
        readStatedSha256({ 'repr-digest': value, etag: value });
        parseRegularHead(Buffer.from(`HTTP/1.1 200 OK\r\nA: ${value}`));
      }
    }
  });
});

describe('the agent', () => {
  const random = randomOfThisRun('HTTP decisions of the agent');
  const etags = ['"a"', '"b"', 'W/"a"', `"sha256:${SHA256}"`, 'a', ''];
  const dates = [DATE, 'Wed, 04 Feb 2026 04:05:06 GMT', 'yesterday', ''];

  const someHeaders = (): Record<string, string | string[]> => {
    const fields: Record<string, () => string> = {
      'content-length': () => digits(random),
      'content-range': () =>
        near(
          random,
          `bytes ${digits(random)}-${digits(random)}/${random.pick([...NUMBERS, '*'])}`,
          'bytes 100-4095/4096',
          'bytes */100',
        ),
      etag: () => random.pick(etags),
      'last-modified': () => random.pick(dates),
      date: () => random.pick(dates),
      'content-encoding': () =>
        random.pick(['identity', 'gzip', 'Identity', '', 'none', 'x-gzip', 'br, utf-8']),
      'transfer-encoding': () => random.pick(['chunked', '']),
      'retry-after': () => random.pick([...NUMBERS, ...dates]),
      'repr-digest': () => near(random, 'sha-256=:x:'),
      location: () => random.pick(['/x', 'http://other/', '']),
    };
    const headers: Record<string, string | string[]> = {};
    for (const [name, value] of Object.entries(fields)) {
      if (random.next() < 0.5) headers[name] = random.next() < 0.05 ? [value(), value()] : value();
    }
    return headers;
  };

  it('never stores bytes of another file behind what it has, nor more than the size', {}, () => {
    const kinds: Record<string, number> = {};
    for (let count = 0; count < CASES; count += 1) {
      const storedFields = someHeaders();
      const position = random.pick([0, 0, 100, 100, 4096]);
      const expected: Expectation = {
        url: 'http://ds.local/x',
        position,
        stored:
          position === 0
            ? null
            : { validators: readValidators(storedFields), totalBytes: random.pick([null, 100, 4096]) },
        expectedBytes: random.pick([null, null, 100, 4096]),
        isDigestKnown: random.next() < 0.5,
      };
      const headers = someHeaders();
      const statusCode = random.pick([200, 206, 206, 416, 301, 304, 404, 429, 503, 600]);
      const decision = decideResponse(statusCode, headers, expected, 0);
      kinds[decision.kind] = (kinds[decision.kind] ?? 0) + 1;
      const isOther = expected.stored !== null && isContradicted(expected.stored.validators, headers);
      if (decision.kind === 'store') {
        const { from, totalBytes } = decision;
        expect(from === 0 ? statusCode === 200 : statusCode === 206 && from === position).toBe(true);
        if (from > 0) {
          expect(isOther).toBe(false);
          expect(String(headers['content-range'])).toMatch(new RegExp(`^bytes ${position}-`, 'i'));
        }
        if (totalBytes !== null) {
          expect(totalBytes).toBeGreaterThanOrEqual(from);
          expect([null, totalBytes]).toContain(expected.expectedBytes);
        }
        // What would have to be undone is taken only where something tells in the end.
        if (expected.expectedBytes === null && !expected.isDigestKnown) {
          expect(String(headers['content-encoding'] ?? '')).not.toMatch(/gzip|br/);
        }
      }
      if (decision.kind === 'complete') {
        expect([decision.totalBytes, isOther, position > 0]).toEqual([position, false, true]);
      }
      if (decision.kind === 'fail') expect(decision.retryAfterMs ?? 0).toBeLessThanOrEqual(600_000);
    }
    process.stderr.write(`responses: ${JSON.stringify(kinds)}\n`);
    for (const kind of ['store', 'complete', 'start-over', 'redirect', 'fail']) {
      expect(kinds[kind]).toBeGreaterThan(0);
    }
  });

  it('goes on only behind bytes of what is wanted, where something will tell', () => {
    for (let count = 0; count < CASES; count += 1) {
      const digest = random.pick(
        [null, SHA256, 'cd'.repeat(32)].map((hex) => (hex === null ? null : digestOfHex(hex))),
      );
      const record = {
        url: random.pick(['http://ds.local/x', 'http://ds.local/y']),
        digest: random.pick([null, digestOfHex(SHA256)]),
        totalBytes: random.pick([null, 4096]),
        validators: readValidators(someHeaders()),
      };
      if (!isResumable(record, { url: 'http://ds.local/x', digest })) continue;
      const isSameDigest = digest !== null && record.digest?.hex === digest.hex;
      expect(isSameDigest || record.url === 'http://ds.local/x').toBe(true);
      const { etag, lastModified } = record.validators;
      expect(digest !== null || etag !== null || lastModified !== null).toBe(true);
    }
  });

  it('takes a body past the full parser only where one length says where it ends', () => {
    const line = () =>
      near(
        random,
        `Content-Length: ${digits(random)}`,
        'Content-Length: 5',
        'content-length:5',
        'Transfer-Encoding: chunked',
        'ETag: "a"',
        ' folded',
        'Upgrade: x',
        'Bad Name: x',
      );
    let regular = 0;
    for (let count = 0; count < CASES; count += 1) {
      const lines = Array.from({ length: random.integer(0, 3) }, line);
      const status = near(random, 'HTTP/1.1 200 OK', 'HTTP/1.1 206 Partial Content', 'HTTP/1.0 200 OK');
      const end = random.pick(['\r\n\r\n', '\r\n\r\n', '\n\n', '\r\n']);
      const bytes = Buffer.from(`${[status, ...lines].join('\r\n')}${end}body`, 'latin1');
      const head = parseRegularHead(bytes);
      if (typeof head === 'string') continue;
      regular += 1;
      const text = bytes.toString('latin1', 0, head.bodyOffset);
      expect(text.match(/^content-length:/gim)).toHaveLength(1);
      expect(text).not.toMatch(/^(?:transfer-encoding|upgrade)[\t ]*:/im);
      expect(Number.isSafeInteger(head.contentLength)).toBe(true);
      expect(bytes.toString('latin1', head.bodyOffset)).toMatch(/body$/);
    }
    expect(regular).toBeGreaterThan(0);
  });
});
