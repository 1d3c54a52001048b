// SPDX-License-Identifier: Apache-2.0
/**
 * The doctor against download, over web servers good and bad: whatever a row's peer does, the one ends as the other
 * does. The peers speak through a bare socket, so that they can break every rule.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Authority, createAuthority, type KeyPair } from '../lab/authorities.ts';
import { describeWith } from '../requirements.ts';
import { runDoctorOn, runDownloadOf } from './both-commands.ts';
import { makeImage, sha256Of } from './image-server.ts';
import { type RawPeer, startRawPeer } from './raw-peer.ts';

const IMAGE = makeImage(200_000);
const SHA256 = sha256Of(IMAGE);
const OTHER = '0'.repeat(64);

/** A head with the size of the image, and what a row adds. */
const head = (status: string, fields: readonly string[], length: number | null = IMAGE.length) =>
  `${[`HTTP/1.1 ${status}`, ...(length === null ? [] : [`Content-Length: ${length}`]), ...fields].join('\r\n')}\r\n\r\n`;

/** As a web server should be, but for what a row adds to its heads and takes from its bodies. */
const file =
  (fields: readonly string[] = [], { sentBytes = IMAGE.length } = {}): RawPeer =>
  ({ from }) => {
    const common = ['Accept-Ranges: bytes', 'ETag: "one"', ...fields];
    const body = IMAGE.subarray(from);
    const range = `Content-Range: bytes ${from}-${IMAGE.length - 1}/${IMAGE.length}`;
    const lines = from > 0 ? [...common, range] : common;
    return [
      head(from > 0 ? '206 Partial Content' : '200 OK', lines, body.length),
      body.subarray(0, sentBytes),
    ];
  };
const whole =
  (...fields: string[]): RawPeer =>
  () => [head('200 OK', ['ETag: "one"', ...fields]), IMAGE];
const status =
  (line: string, ...fields: string[]): RawPeer =>
  () =>
    head(line, fields, 0);
const raw =
  (...parts: (string | Buffer)[]): RawPeer =>
  () =>
    parts;
const firstTime =
  (first: RawPeer, later: RawPeer): RawPeer =>
  (request) =>
    request.count === 1 ? first(request) : later(request);
const elsewhere =
  (location: string): RawPeer =>
  (request) =>
    request.path === '/there' ? file()(request) : head('302 Found', [`Location: ${location}`], 0);
const chunks = (end: string) => [
  head('200 OK', ['Transfer-Encoding: chunked', 'ETag: "one"'], null),
  `${IMAGE.length.toString(16)}\r\n`,
  IMAGE,
  `\r\n${end}`,
];
const filler = (bytes: number) => `X-Filler: ${'x'.repeat(bytes)}`;

/** With the exit code: what curl and Go take is taken, and what they refuse is refused. */
type Row = [name: string, peer: RawPeer, exitCode: number, ...args: string[]];

const ROWS: readonly Row[] = [
  ['a file', file(), 0],
  ['a file of the size that was given', file(), 0, '--size', '200000'],
  ['a file of the digest that was given', file(), 0, '--sha256', SHA256],
  ['no ranges', whole(), 0],
  ['no validator', raw(head('200 OK', []), IMAGE), 0],
  ['an empty file', raw(head('200 OK', [], 0)), 0],
  ['a range that is refused', (r) => (r.from > 0 ? head('403 Forbidden', [], 0) : file()(r)), 0],
  [
    'ranges of another place',
    (r) => (r.from > 0 ? head('206 x', ['Content-Range: bytes 0-9/10'], 0) : file()(r)),
    0,
  ],
  ['another size than was given', file(), 5, '--size', '200001'],
  ['another digest than was given', file(), 5, '--sha256', OTHER],
  [
    'a digest stated that is not so',
    file([`Repr-Digest: sha-256=:${Buffer.alloc(32).toString('base64')}:`]),
    5,
  ],
  [
    'a digest stated that is so',
    file([`Repr-Digest: sha-256=:${Buffer.from(SHA256, 'hex').toString('base64')}:`]),
    0,
  ],
  ['404', status('404 Not Found'), 4],
  ['401', status('401 Unauthorized', 'WWW-Authenticate: Basic'), 4],
  ['403', status('403 Forbidden'), 4],
  ['410', status('410 Gone'), 4],
  ['500', status('500 Internal Server Error'), 4],
  ['503', status('503 Service Unavailable'), 4],
  ['503 once', firstTime(status('503 Service Unavailable'), file()), 0],
  ['429 once', firstTime(status('429 Too Many Requests'), file()), 0],
  ['204', status('204 No Content'), 4],
  ['300', status('300 Multiple Choices'), 4],
  ['304', status('304 Not Modified'), 4],
  ['416', status('416 Range Not Satisfiable'), 4],
  ['206, unasked', raw(head('206 Partial Content', ['Content-Range: bytes 0-9/10'], 10), '0123456789'), 4],
  ['100 before the answer', (r) => ['HTTP/1.1 100 Continue\r\n\r\n', file()(r) ?? ''].flat(), 0],
  [
    '103 before the answer',
    (r) => ['HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n', file()(r) ?? ''].flat(),
    0,
  ],
  [
    'three before the answer',
    (r) =>
      ['HTTP/1.1 100 x\r\n\r\nHTTP/1.1 102 x\r\n\r\nHTTP/1.1 103 x\r\nA: b\r\n\r\n', file()(r) ?? ''].flat(),
    0,
  ],
  ['no end of 100s', raw('HTTP/1.1 100 Continue\r\n\r\n'.repeat(100)), 4],
  ['101', raw('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n'), 4],
  ['another protocol', raw('SSH-2.0-OpenSSH_9.2\r\n'), 4],
  ['nothing', () => null, 4],
  ['nothing, once', firstTime(() => null, file()), 0],
  ['half a head', raw('HTTP/1.1 200 OK\r\nContent-Le'), 4],
  ['a status that is none', raw('HTTP/1.1 abc OK\r\n\r\n'), 4],
  ['a field without a colon', raw('HTTP/1.1 200 OK\r\nContent-Length 5\r\n\r\n01234'), 4],
  ['HTTP/1.0', raw(`HTTP/1.0 200 OK\r\nContent-Length: ${IMAGE.length}\r\n\r\n`, IMAGE), 0],
  ['an end that nobody states', raw(head('200 OK', ['Connection: close'], null), IMAGE), 4],
  ['such, with a size', raw(head('200 OK', ['Connection: close'], null), IMAGE), 0, '--size', '200000'],
  ['such, with a digest', raw(head('200 OK', ['Connection: close'], null), IMAGE), 0, '--sha256', SHA256],
  ['chunks', raw(...chunks('0\r\n\r\n')), 0],
  ['chunks without an end', raw(...chunks('')), 4],
  ['chunks of another size than was given', raw(...chunks('0\r\n\r\n')), 5, '--size', '199999'],
  ['Content-Length twice alike', file([`Content-Length: ${IMAGE.length}`]), 0],
  [
    'Content-Length with a list of one value',
    raw(head('200 OK', [`Content-Length: ${IMAGE.length}, ${IMAGE.length}`], null), IMAGE),
    0,
  ],
  ['Content-Length below zero', raw(head('200 OK', ['Content-Length: -1'], null), IMAGE), 4],
  ['Content-Length with a sign', raw(head('200 OK', [`Content-Length: +${IMAGE.length}`], null), IMAGE), 4],
  ['Content-Length twice, different', file(['Content-Length: 7']), 4],
  ['Content-Length that is no number', raw(head('200 OK', ['Content-Length: many'], null), IMAGE), 4],
  ['Content-Length beside chunks', raw(head('200 OK', ['Transfer-Encoding: chunked']), '0\r\n\r\n'), 0],
  ['a folded field', file(['X-Long: a\r\n b']), 0],
  ['two folds, with a tab', file(['X-Long: a\r\n b\r\n\tc']), 0],
  ['a fold before the first field', raw('HTTP/1.1 200 OK\r\n X: y\r\n\r\n', IMAGE), 4],
  ['bare line feeds', raw(head('200 OK', []).replaceAll('\r\n', '\n'), IMAGE), 0],
  ['a head of 12 KiB', file([filler(12_000)]), 0],
  ['a head of 20 KiB', file([filler(20_000)]), 0],
  ['a head of 60 KiB', file([filler(60_000)]), 0],
  ['a head of 70 KiB', file([filler(70_000)]), 4],
  ['a head of 300 KiB', file([filler(300_000)]), 4],
  ['Content-Encoding: identity', file(['Content-Encoding: identity']), 0],
  ['Content-Encoding: none', file(['Content-Encoding: none']), 0],
  ['Content-Encoding: utf-8', file(['Content-Encoding: utf-8']), 0],
  ['Content-Encoding of nothing', file(['Content-Encoding:']), 0],
  ['Content-Encoding: aws-chunked', file(['Content-Encoding: aws-chunked']), 0],
  ['x-gzip', file(['Content-Encoding: x-gzip']), 4],
  ['x-gzip, of the digest', file(['Content-Encoding: x-gzip']), 0, '--sha256', SHA256],
  ['x-gzip, of the size', file(['Content-Encoding: x-gzip']), 0, '--size', '200000'],
  ['x-gzip, of another size', file(['Content-Encoding: x-gzip']), 5, '--size', '200001'],
  ['gzip', raw(head('200 OK', ['Content-Encoding: gzip'], gzipSync(IMAGE).length), gzipSync(IMAGE)), 4],
  [
    'gzip, of another digest',
    raw(head('200 OK', ['Content-Encoding: gzip'], gzipSync(IMAGE).length), gzipSync(IMAGE)),
    5,
    '--sha256',
    SHA256,
  ],
  [
    'gzip without an end, of another digest',
    raw(head('200 OK', ['Content-Encoding: gzip'], null), gzipSync(IMAGE)),
    5,
    '--sha256',
    SHA256,
  ],
  ['a body that breaks off, and ranges', file([], { sentBytes: 120_000 }), 0],
  ...[400, 403, 405, 500, 503].map(
    (code): Row => [
      `a body that breaks off, and status ${code} to any range`,
      (r) =>
        r.from > 0 ? head(`${code} x`, [], 0) : file([], r.count === 1 ? { sentBytes: 120_000 } : {})(r),
      0,
    ],
  ),
  [
    'a body that breaks off, and 403 from then on',
    firstTime(file([], { sentBytes: 120_000 }), status('403 Forbidden')),
    4,
  ],
  [
    'a body that breaks off, each time',
    () => [head('200 OK', ['ETag: "one"']), IMAGE.subarray(0, 120_000)],
    4,
  ],
  ['more than the length says', () => [head('200 OK', ['ETag: "one"']), IMAGE, 'more'], 0],
  ['a redirect on the host', elsewhere('/there'), 0],
  ['a redirect to the whole URL', (r) => elsewhere('there')(r), 0],
  ['redirects without end', elsewhere('/again'), 4],
  ['a redirect to a port that nobody has', elsewhere('http://127.0.0.1:1/there'), 4],
  ['a redirect to no URL', elsewhere('http://'), 4],
  ['a redirect to a file', elsewhere('file:///etc/passwd'), 4],
  ['a redirect with a password', elsewhere('http://me:pw@127.0.0.1/there'), 4],
  ['a redirect without a place', status('302 Found'), 4],
];

/** The two, each against a peer that has met nobody before. */
async function expectAgreement(row: Row, scheme = 'http', tls?: KeyPair): Promise<void> {
  const [, peer, exitCode, ...args] = row;
  const run = async <T>(command: (url: string, args: readonly string[]) => Promise<T>) => {
    const { port, stop } = await startRawPeer(peer, tls);
    const result = await command(`${scheme}://127.0.0.1:${port}/image.img`, args);
    await stop();
    return result;
  };
  const [doctor, download] = await Promise.all([run(runDoctorOn), run(runDownloadOf)]);
  const both = `doctor: ${doctor.verdict}; download: ${download.lastWord}`;
  expect(doctor.exitCode, both).toBe(download.exitCode);
  expect(doctor.isUsable, both).toBe(download.exitCode === 0);
  expect(download.exitCode, both).toBe(exitCode);
}

describe.concurrent('doctor and download agree', () => {
  test.each(ROWS)('%s', async (...row) => {
    await expectAgreement(row);
  });

  test('a port that nobody has', async () => {
    const { port, stop } = await startRawPeer(() => null);
    await stop();
    const url = `http://127.0.0.1:${port}/image.img`;
    const [doctor, download] = await Promise.all([runDoctorOn(url, []), runDownloadOf(url, [])]);
    expect([doctor.exitCode, download.exitCode]).toEqual([4, 4]);
  });
});

describeWith(['openssl'], 'doctor and download agree over TLS', () => {
  const run = promisify(execFile);
  let folder: string;
  let authority: Authority;
  let other: Authority;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'doctor-matrix-'));
    [authority, other] = await Promise.all([createAuthority(folder, 'one'), createAuthority(folder, 'two')]);
  });
  afterAll(() => rm(folder, { recursive: true }));

  /** A leaf that is valid at other times than now. */
  async function issueFor(name: string, notBefore: string, notAfter: string): Promise<KeyPair> {
    const leaf = await authority.issue(name, 'IP:127.0.0.1');
    await writeFile(
      `${folder}/${name}.cnf`,
      '[ca]\ndefault_ca=d\n[d]\ndatabase=db\nserial=sn\npolicy=p\n[p]\ncommonName=supplied\n',
    );
    await Promise.all([writeFile(`${folder}/db`, ''), writeFile(`${folder}/sn`, '0A\n')]);
    await run(
      'openssl',
      [
        ...[
          'ca',
          '-batch',
          '-notext',
          '-config',
          `${folder}/${name}.cnf`,
          '-md',
          'sha256',
          '-outdir',
          folder,
        ],
        ...['-in', `${leaf.certificate}.csr`, '-cert', authority.certificate, '-keyfile', authority.key],
        ...['-startdate', notBefore, '-enddate', notAfter, '-extfile', `${leaf.certificate}.ext`],
        ...['-out', leaf.certificate],
      ],
      { cwd: folder },
    );
    return leaf;
  }

  test('a certificate that is right', async () => {
    const leaf = await authority.issue('right', 'IP:127.0.0.1');
    await expectAgreement(['', file(), 0, '--ca', authority.certificate], 'https', leaf);
  });

  test('no authority named', async () => {
    await expectAgreement(['', file(), 4], 'https', await authority.issue('unknown', 'IP:127.0.0.1'));
  });

  test('another authority named', async () => {
    const leaf = await authority.issue('foreign', 'IP:127.0.0.1');
    await expectAgreement(['', file(), 4, '--ca', other.certificate], 'https', leaf);
  });

  test('the leaf alone named', async () => {
    const leaf = await authority.issue('alone', 'IP:127.0.0.1');
    await expectAgreement(['', file(), 0, '--ca', leaf.certificate], 'https', leaf);
  });

  test('a certificate for another name', async () => {
    const leaf = await authority.issue('name', 'DNS:ds.local');
    await expectAgreement(['', file(), 4, '--ca', authority.certificate], 'https', leaf);
  });

  test('a certificate that has expired, and one that is not valid yet', async () => {
    const expired = await issueFor('expired', '20200101000000Z', '20210101000000Z');
    await expectAgreement(['', file(), 4, '--ca', authority.certificate], 'https', expired);
    const early = await issueFor('early', '20980101000000Z', '20990101000000Z');
    await expectAgreement(['', file(), 4, '--ca', authority.certificate], 'https', early);
  });

  test('plain HTTP where TLS is wanted, and the reverse', async () => {
    await expectAgreement(['', file(), 4], 'https');
    await expectAgreement(['', file(), 4], 'http', await authority.issue('plain', 'IP:127.0.0.1'));
  });
});
