// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { formatDigest, type OciDigest } from '@local-datastore/shared/oci/digest';
import { OCI_INDEX, OCI_MANIFEST } from '@local-datastore/shared/oci/media-types';
import { describe, expect, it } from 'vitest';
import type { ScriptedAnswer } from '../transfer/scripted-flows.ts';
import { createScriptedRegistry, says } from './scripted-registry.ts';

const { signal } = new AbortController();
const MANIFEST = JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: [] });
const digestOf = (text: string): OciDigest => ({
  algorithm: 'sha256',
  hex: createHash('sha256').update(text).digest('hex'),
});
const DIGEST = formatDigest(digestOf(MANIFEST));
const OK = says('200 OK', `Content-Type: ${OCI_INDEX}\r\nDocker-Content-Digest: ${DIGEST}\r\n`, MANIFEST);
const bearer = (realm: string) =>
  says('401 Unauthorized', `WWW-Authenticate: Bearer realm="${realm}",service="ds"\r\n`, '{"errors":[]}');
const WANTS_TOKEN = bearer('http://ds.local/-/token');
const WANTS_PASSWORD = says('401 Unauthorized', 'WWW-Authenticate: Basic realm="x"\r\n');
const token = (text: string) => says('200 OK', 'Content-Type: application/json\r\n', `{"token":"${text}"}`);

const createClient = (
  answers: readonly ScriptedAnswer[],
  given: string | null = null,
  maxFailures = 0,
  delays: number[] = [],
  namespace: string | null = null,
) => createScriptedRegistry(answers, { given, maxFailures, delays, namespace });
const summary = (requests: readonly string[]) =>
  requests.map((request) => {
    const target = /^GET (\S+)/.exec(request)?.[1];
    const credential = /\r\nauthorization: ([^\r]*)/i.exec(request)?.[1];
    return credential === undefined ? target : `${target} ${credential}`;
  });

const TAG_PATH = '/v2/a/b/manifests/v1';
const TOKEN_PATH = '/-/token?service=ds&scope=repository%3Aa%2Fb%3Apull';
const BASIC = 'Basic dTpw';

it('asks for a manifest of any kind, and knows it by its digest', async () => {
  const { client, requests } = createClient([OK]);
  const manifest = await client.readManifest({ tag: 'v1' }, signal);
  expect(formatDigest(manifest.digest)).toBe(DIGEST);
  expect(manifest.bytes.toString()).toBe(MANIFEST);
  expect(requests[0]).toContain(`${OCI_MANIFEST}, ${OCI_INDEX}`);
  expect(summary(requests)).toEqual([TAG_PATH]);
});

it.each([
  ['a token for nobody', null, [WANTS_TOKEN, token('t'), OK], [TAG_PATH, TOKEN_PATH, `${TAG_PATH} Bearer t`]],
  [
    'a token for a user',
    BASIC,
    [WANTS_TOKEN, token('t'), OK],
    [TAG_PATH, `${TOKEN_PATH} ${BASIC}`, `${TAG_PATH} Bearer t`],
  ],
  ['a password itself', BASIC, [WANTS_PASSWORD, OK], [TAG_PATH, `${TAG_PATH} ${BASIC}`]],
  ['a token that was given', 'Bearer mine', [OK], [`${TAG_PATH} Bearer mine`]],
  [
    'another token, where the first one ends at once',
    null,
    [WANTS_TOKEN, token('t'), WANTS_TOKEN, token('u'), OK],
    [TAG_PATH, TOKEN_PATH, `${TAG_PATH} Bearer t`, TOKEN_PATH, `${TAG_PATH} Bearer u`],
  ],
])('shows %s', async (_title, given, answers, expected) => {
  const { client, requests } = createClient(answers, given);
  await client.readManifest({ tag: 'v1' }, signal);
  expect(summary(requests)).toEqual(expected);
});

it('keeps its token for the next request', async () => {
  const { client, requests } = createClient([WANTS_TOKEN, token('t'), OK, OK]);
  for (let i = 0; i < 2; i += 1) await client.readManifest({ digest: digestOf(MANIFEST) }, signal);
  expect(summary(requests).at(-1)).toBe(`/v2/a/b/manifests/${DIGEST} Bearer t`);
});

it('tries again what may pass', async () => {
  const { client, requests } = createClient([says('503 Busy', ''), '', OK], null, 2);
  await client.readManifest({ tag: 'v1' }, signal);
  expect(requests).toHaveLength(3);
});

it('waits as long as it is told to where it asks too much', async () => {
  const delays: number[] = [];
  const busy = says('429 Too Many Requests', 'Retry-After: 7\r\n');
  const { client, requests } = createClient([busy, OK], null, 2, delays);
  await client.readManifest({ tag: 'v1' }, signal);
  expect([requests.length, delays]).toEqual([2, [7000]]);
  const given = createClient([busy, busy, busy], null, 2);
  await expect(given.client.readManifest({ tag: 'v1' }, signal)).rejects.toMatchObject({
    code: 'HTTP_STATUS',
    details: expect.objectContaining({ statusCode: 429 }),
  });
});

it('shows no credential to whom the registry leads on', async () => {
  const elsewhere = says('307 Temporary Redirect', 'Location: http://ds.local:9000/blob?signed=1\r\n');
  const { client, requests } = createClient(
    [WANTS_TOKEN, token('t'), elsewhere, says('200 OK', '', 'config')],
    BASIC,
  );
  expect((await client.readBlob(digestOf('config'), 6, signal)).toString()).toBe('config');
  expect(summary(requests)).toEqual([
    `/v2/a/b/blobs/${formatDigest(digestOf('config'))}`,
    `${TOKEN_PATH} ${BASIC}`,
    `/v2/a/b/blobs/${formatDigest(digestOf('config'))} Bearer t`,
    '/blob?signed=1',
  ]);
});

it('reads lists as they are, and says to a mirror which registry is meant', async () => {
  const { client, requests } = createClient(
    [says('200 OK', 'Link: </x>\r\n', '{"tags":[]}')],
    null,
    0,
    [],
    'hub',
  );
  const { bytes, headers } = await client.readList('tags', 'list', { n: '5' }, signal);
  expect([bytes.toString(), headers.link]).toEqual(['{"tags":[]}', '</x>']);
  expect(summary(requests)).toEqual(['/v2/a/b/tags/list?ns=hub&n=5']);
  expect(client.blobUrl(digestOf('a')).search).toBe('?ns=hub');
});

const HUGE = `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${`10000\r\n${' '.repeat(65_536)}\r\n`.repeat(65)}`;

describe('a registry that is wrong', () => {
  it.each<[string, readonly ScriptedAnswer[], string, string]>([
    [
      'has no such image',
      [says('404 Not Found', '', '{"errors":[{"code":"MANIFEST_UNKNOWN","message":"no \\u001b[31mtag"}]}')],
      'IMAGE_NOT_FOUND',
      'MANIFEST_UNKNOWN',
    ],
    ['forbids', [says('403 Forbidden', '', '<html>')], 'ACCESS_DENIED', '(403)'],
    ['wants a password', [WANTS_PASSWORD], 'ACCESS_DENIED', 'give a credential'],
    [
      'wants it in its own way',
      [says('401 Unauthorized', 'WWW-Authenticate: Negotiate\r\n')],
      'ACCESS_DENIED',
      '(401)',
    ],
    [
      'refuses each token',
      Array.from({ length: 9 }, (_, i) => (i % 2 === 0 ? WANTS_TOKEN : token('t'))),
      'ACCESS_DENIED',
      '(401)',
    ],
    ['gives no token', [WANTS_TOKEN, says('401 Unauthorized', '')], 'ACCESS_DENIED', 'without a credential'],
    [
      'gives nonsense for a token',
      [WANTS_TOKEN, says('200 OK', '', '<html>')],
      'ACCESS_DENIED',
      'no token that could be used',
    ],
    [
      'sends to a stranger for a token',
      [bearer('https://evil.example/token')],
      'ACCESS_DENIED',
      'on .local only',
    ],
    ['sends a token without end', [WANTS_TOKEN, HUGE], 'SIZE_MISMATCH', '65536'],
    [
      'leads elsewhere',
      [says('307 Moved', 'Location: http://169.254.169.254/\r\n')],
      'REDIRECT_REFUSED',
      'itself only',
    ],
    [
      'leads round in circles',
      Array.from({ length: 9 }, () => says('302 Found', `Location: ${TAG_PATH}\r\n`)),
      'REDIRECT_REFUSED',
      'more than 5',
    ],
    ['has a huge manifest', [HUGE], 'SIZE_MISMATCH', '4194304'],
    [
      'is a web page',
      [says('200 OK', 'Content-Type: text/html\r\n', '<html>')],
      'MANIFEST_INVALID',
      'no JSON',
    ],
    [
      'states another digest',
      [says('200 OK', `Docker-Content-Digest: sha256:${'0'.repeat(64)}\r\n`, MANIFEST)],
      'DIGEST_MISMATCH',
      DIGEST,
    ],
    ['breaks off', [OK.slice(0, -5)], 'CONNECTION_LOST', 'lost'],
    [
      'knows schema 1 alone',
      [says('200 OK', 'Content-Type: application/vnd.docker.distribution.manifest.v1+prettyjws\r\n', '{}')],
      'MANIFEST_INVALID',
      'schema 1',
    ],
  ])('that %s', async (_title, answers, code, message) => {
    const { client } = createClient(answers);
    await expect(client.readManifest({ tag: 'v1' }, signal)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(message),
    });
  });

  it('that sends another manifest than was asked for', async () => {
    const { client } = createClient([says('200 OK', '', '{}')]);
    const asking = client.readManifest({ digest: digestOf(MANIFEST) }, signal);
    await expect(asking).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
  });

  it('that never comes to an end', async () => {
    const { client, clock, requests } = createClient([{ begun: OK.toString().slice(0, -5) }]);
    const asking = client.readManifest({ tag: 'v1' }, signal);
    const refused = expect(asking).rejects.toMatchObject({ code: 'STALLED' });
    await expect.poll(() => requests.length).toBe(1);
    clock.advance(120_000);
    await refused;
  });
});

it('reads a blob, and its very bytes', async () => {
  const { client } = createClient([says('200 OK', '', 'config'), says('200 OK', '', 'Config')]);
  const read = () => client.readBlob(digestOf('config'), 6, signal);
  expect((await read()).toString()).toBe('config');
  await expect(read()).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
});
