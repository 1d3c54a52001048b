// SPDX-License-Identifier: Apache-2.0
import { createHash, createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { explainStoreError, parseObjectPage } from './s3-answers.ts';
import { createRequestSigner } from './s3-signature.ts';

const SECRET = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY';
const CREDENTIAL = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: SECRET, sessionToken: undefined };
const NOW_MS = Date.UTC(2026, 1, 3, 4, 5, 6);

const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest();

/** The signature as AWS's reference for Signature Version 4 puts it together, from a canonical request. */
function signatureOf(canonical: string, region: string): string {
  const scope = `20260203/${region}/s3/aws4_request`;
  const hash = createHash('sha256').update(canonical).digest('hex');
  const text = ['AWS4-HMAC-SHA256', '20260203T040506Z', scope, hash].join('\n');
  const key = ['20260203', region, 's3', 'aws4_request'].reduce<string | Buffer>(hmac, `AWS4${SECRET}`);
  return hmac(key, text).toString('hex');
}

describe('a signature', () => {
  it.each([
    ['a key', 'GET', 'http://images.s3.example/linux/disk.img', '/linux/disk.img', ''],
    [
      'a key with all that is encoded',
      'HEAD',
      "http://s3.example/b/a%20b%2Bc'(1)*!.img",
      '/b/a%20b%2Bc%27%281%29%2A%21.img',
      '',
    ],
    ['letters beyond ASCII', 'GET', 'http://s3.example/b/%C3%A4.img', '/b/%C3%A4.img', ''],
    ['a port', 'GET', 'http://s3.example:9000/b/x', '/b/x', ''],
    [
      'a query, in the order of its names',
      'GET',
      'http://s3.example/b/?prefix=edge%2F&list-type=2&continuation-token=a%2Bb%3D',
      '/b/',
      'continuation-token=a%2Bb%3D&list-type=2&prefix=edge%2F',
    ],
  ] as const)('is that of the reference for %s', async (_title, method, url, path, query) => {
    const target = new URL(url);
    const sign = createRequestSigner(CREDENTIAL, { region: 'eu-central-1', nowMs: () => NOW_MS });
    const headers = await sign(target, method, { 'accept-encoding': 'identity', range: 'bytes=5-' });
    const canonical = [
      ...[method, path, query, `host:${target.host}`],
      ...['x-amz-content-sha256:UNSIGNED-PAYLOAD', 'x-amz-date:20260203T040506Z', ''],
      ...['host;x-amz-content-sha256;x-amz-date', 'UNSIGNED-PAYLOAD'],
    ].join('\n');
    expect(headers).toMatchObject({
      'x-amz-content-sha256': 'UNSIGNED-PAYLOAD',
      'x-amz-date': '20260203T040506Z',
      authorization:
        'AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260203/eu-central-1/s3/aws4_request, ' +
        `SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature=${signatureOf(canonical, 'eu-central-1')}`,
    });
    expect(headers).not.toHaveProperty('accept-encoding');
  });

  it('covers a session token, and what else the store is asked by its headers', async () => {
    const sign = createRequestSigner({ ...CREDENTIAL, sessionToken: 'token' }, { region: 'us-east-1' });
    const headers = await sign(new URL('http://s3.example/b/x'), 'HEAD', {
      'x-amz-checksum-mode': 'ENABLED',
    });
    expect(headers).toMatchObject({ 'x-amz-security-token': 'token' });
    expect(headers.authorization).toContain(
      'SignedHeaders=host;x-amz-checksum-mode;x-amz-content-sha256;x-amz-date;x-amz-security-token,',
    );
  });

  it('is another one on another day', async () => {
    let nowMs = NOW_MS;
    const sign = createRequestSigner(CREDENTIAL, { region: 'us-east-1', nowMs: () => nowMs });
    const target = new URL('http://s3.example/b/x');
    const first = await sign(target, 'GET', {});
    for (let day = 0; day < 3; day += 1) {
      nowMs += 86_400_000;
      expect((await sign(target, 'GET', {})).authorization).not.toBe(first.authorization);
    }
    nowMs = NOW_MS;
    expect(await sign(target, 'GET', {})).toEqual(first);
  });
});

describe('a page of objects', () => {
  const page = (inner: string) =>
    `<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${inner}</ListBucketResult>`;
  const object = (key: string, size = '5') =>
    `<Contents><Key>${key}</Key><LastModified>2026-02-03T04:05:06.000Z</LastModified><ETag>&quot;e&quot;</ETag><Size>${size}</Size></Contents>`;

  it('gives its objects and what the next is asked for with', () => {
    const text = page(
      `<EncodingType>url</EncodingType><IsTruncated>true</IsTruncated><NextContinuationToken>n</NextContinuationToken>${object('a%20b+c.img')}`,
    );
    expect(parseObjectPage(text)).toEqual({
      nextToken: 'n',
      objects: [{ key: 'a b c.img', sizeBytes: 5, entityTag: '"e"', modified: '2026-02-03T04:05:06.000Z' }],
    });
  });

  it('takes keys as they are where nothing is encoded, and passes over what is none', () => {
    const text = page(`<IsTruncated>false</IsTruncated>${object('a%20+')}${object('b', 'many')}`);
    expect(parseObjectPage(text)).toMatchObject({ objects: [{ key: 'a%20+' }], nextToken: undefined });
    const broken = page(`<EncodingType>url</EncodingType>${object('%zz')}`);
    expect(parseObjectPage(broken).objects).toEqual([]);
  });

  it.each([
    ['no XML', 'hello', 'it is no XML'],
    ['XML that is broken', '<ListBucketResult>', 'it is no XML'],
    ['entities that grow', '<!DOCTYPE a [<!ENTITY b "bb">]><a>&b;</a>', 'it is no'],
    ['other XML', '<html/>', 'it is no list of objects'],
  ])('is not %s', (_title, text, message) => expect(() => parseObjectPage(text)).toThrow(message));
});

it.each([
  ['<Error><Code>RequestTimeTooSkewed</Code></Error>', 'its clock and the clock here are too far apart'],
  [
    '<Error><Code>SignatureDoesNotMatch</Code><StringToSign>AWS4</StringToSign></Error>',
    'the secret is not that',
  ],
  ['<Error><Code>Odd</Code></Error>', 'Odd'],
  ['<Error><Code>constructor</Code></Error>', 'constructor'],
  ['<Error/>', undefined],
  ['<html/>', undefined],
  ['', undefined],
])('says what %s means', (body, words) => {
  const said = explainStoreError(body);
  if (words === undefined) expect(said).toBeUndefined();
  else expect(said).toContain(words);
});
