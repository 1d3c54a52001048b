// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { OCI_MANIFEST } from '@local-datastore/shared/oci/media-types';
import { afterEach, describe, expect, it } from 'vitest';
import { createUpstreamClient, type UpstreamAddress, type UpstreamClient } from './upstream-client.ts';

const SECRET = 'pass-of-the-upstream';
const CREDENTIAL = { user: 'lab', password: SECRET };
const BASIC = `Basic ${Buffer.from(`lab:${SECRET}`).toString('base64')}`;
const digestOf = (bytes: Buffer) => ({
  algorithm: 'sha256' as const,
  hex: createHash('sha256').update(bytes).digest('hex'),
});
const config = digestOf(Buffer.from('{}'));
const MANIFEST = Buffer.from(
  JSON.stringify({
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    config: {
      mediaType: 'application/vnd.oci.image.config.v1+json',
      digest: `sha256:${config.hex}`,
      size: 2,
    },
    layers: [],
  }),
);
const BLOB = Buffer.alloc(200_000, 'blob');

const open: (() => void)[] = [];
afterEach(() => {
  for (const close of open.splice(0)) close();
});

async function serve(listener: RequestListener): Promise<URL> {
  const server: Server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  open.push(() => {
    server.close();
    server.closeAllConnections();
  });
  return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
}

function clientOf(url: URL, more: Partial<UpstreamAddress> = {}): UpstreamClient {
  const client = createUpstreamClient({ url, ...more }, async (name) =>
    name === 'site.local' ? '127.0.0.1' : undefined,
  );
  open.push(() => void client.close());
  return client;
}

const signal = new AbortController().signal;
const sendManifest = (response: ServerResponse, bytes = MANIFEST, type = OCI_MANIFEST) =>
  response
    .writeHead(200, { 'content-type': type, 'docker-content-digest': `sha256:${digestOf(bytes).hex}` })
    .end(bytes);
const refuse = (response: ServerResponse, status: number, headers = {}) =>
  response
    .writeHead(status, headers)
    .end(JSON.stringify({ errors: [{ code: 'SOME_CODE', message: 'said\u001b[31m the registry' }] }));
const challenge = (realm: string) => ({ 'www-authenticate': `Bearer realm="${realm}",service="s"` });

async function bytesOf(content: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of content) pieces.push(piece);
  return Buffer.concat(pieces);
}

it('reads a manifest by tag and by digest, asks for all kinds, and says what a tag leads to', async () => {
  const seen: string[] = [];
  const url = await serve((request, response) => {
    seen.push(`${request.method} ${request.url}`);
    expect(request.headers.accept).toContain(OCI_MANIFEST);
    sendManifest(response);
  });
  const client = clientOf(url);
  const expected = { digest: digestOf(MANIFEST), mediaType: OCI_MANIFEST, bytes: MANIFEST };
  expect(await client.readManifest('lab/app', { tag: '1' }, signal)).toEqual(expected);
  expect(await client.readManifest('lab/app', { digest: digestOf(MANIFEST) }, signal)).toEqual(expected);
  expect(await client.resolveTag('lab/app', '1', signal)).toEqual(digestOf(MANIFEST));
  const [byTag, byDigest] = ['1', `sha256:${digestOf(MANIFEST).hex}`].map(
    (each) => `/v2/lab/app/manifests/${each}`,
  );
  expect(seen).toEqual([`GET ${byTag}`, `GET ${byDigest}`, `HEAD ${byTag}`]);
});

describe('what it shows', () => {
  /** Wants a token of its own service, which wants `credential`. */
  const registry =
    (credential: string | undefined, count: { tokens: number }): RequestListener =>
    (request: IncomingMessage, response: ServerResponse) => {
      const target = new URL(request.url ?? '', `http://${request.headers.host}`);
      if (target.pathname === '/token') {
        expect(target.searchParams.get('scope')).toBe('repository:lab/app:pull');
        expect(target.searchParams.get('service')).toBe('s');
        if (request.headers.authorization !== credential) return void refuse(response, 401);
        count.tokens += 1;
        return void response.end(JSON.stringify({ token: `t${count.tokens}` }));
      }
      if (request.headers.authorization === `Bearer t${count.tokens}`) return void sendManifest(response);
      refuse(response, 401, challenge(`http://${request.headers.host}/token`));
    };

  it.each([
    ['nobody', undefined, undefined],
    ['a user', CREDENTIAL, BASIC],
  ])('a token for %s, as long as it is taken', async (_who, credential, wanted) => {
    const count = { tokens: 0 };
    const client = clientOf(await serve(registry(wanted, count)), { credential });
    for (let i = 0; i < 3; i += 1) await client.readManifest('lab/app', { tag: '1' }, signal);
    expect(count.tokens).toBe(1);
    // It expires: the next is asked for.
    count.tokens += 1;
    await client.readManifest('lab/app', { tag: '1' }, signal);
    expect(count.tokens).toBe(3);
  });

  it('a user and a password where the registry wants those', async () => {
    const url = await serve((request, response) => {
      if (request.headers.authorization === BASIC) sendManifest(response);
      else refuse(response, 401, { 'www-authenticate': 'Basic realm="r"' });
    });
    await clientOf(url, { credential: CREDENTIAL }).readManifest('a', { tag: '1' }, signal);
    await expect(clientOf(url).readManifest('a', { tag: '1' }, signal)).rejects.toMatchObject({
      code: 'DENIED',
      message: expect.stringContaining('wants a credential'),
    });
  });

  it('nothing to where a registry leads for blobs', async () => {
    const shown: (string | undefined)[] = [];
    const elsewhere = await serve((request, response) => {
      shown.push(request.headers.authorization);
      response.end(BLOB);
    });
    const url = await serve((request, response) => {
      if (request.headers.authorization !== BASIC)
        refuse(response, 401, { 'www-authenticate': 'Basic realm="r"' });
      else response.writeHead(307, { location: new URL('/blob?signed', elsewhere).href }).end();
    });
    const { content } = await clientOf(url, { credential: CREDENTIAL }).openBlob(
      'a',
      digestOf(BLOB),
      0,
      signal,
    );
    expect((await bytesOf(content)).equals(BLOB)).toBe(true);
    expect(shown).toEqual([undefined]);
  });

  it('no password to a token service that it would cross the network to unencrypted', async () => {
    const asked: string[] = [];
    const other = await serve((request, response) => {
      asked.push(request.url ?? '');
      response.end('{"token":"t"}');
    });
    const url = await serve(
      (_request, response) => void refuse(response, 401, challenge(new URL('/token', other).href)),
    );
    await expect(
      clientOf(url, { credential: CREDENTIAL }).readManifest('a', { tag: '1' }, signal),
    ).rejects.toMatchObject({ code: 'DENIED', message: expect.stringContaining('unencrypted') });
    expect(asked).toEqual([]);
  });
});

describe('a blob', () => {
  it('goes on from where it was', async () => {
    const url = await serve((request, response) => {
      const [, first] = /^bytes=(\d+)-$/.exec(request.headers.range ?? '') ?? [];
      const start = Number(first);
      const range = { 'content-range': `bytes ${start}-${BLOB.length - 1}/${BLOB.length}` };
      response.writeHead(206, range).end(BLOB.subarray(start));
    });
    const { content, position } = await clientOf(url).openBlob('a', digestOf(BLOB), 150_000, signal);
    expect(position).toBe(150_000);
    expect((await bytesOf(content)).equals(BLOB.subarray(150_000))).toBe(true);
  });

  it('begins again where the registry knows no ranges', async () => {
    const url = await serve((_request, response) => void response.end(BLOB));
    const { content, position } = await clientOf(url).openBlob('a', digestOf(BLOB), 150_000, signal);
    expect(position).toBe(0);
    expect(await bytesOf(content)).toHaveLength(BLOB.length);
  });

  it('is not taken from another place than was asked for', async () => {
    const url = await serve((_request, response) => {
      response
        .writeHead(206, { 'content-range': `bytes 7-${BLOB.length - 1}/${BLOB.length}` })
        .end(BLOB.subarray(7));
    });
    await expect(clientOf(url).openBlob('a', digestOf(BLOB), 150_000, signal)).rejects.toMatchObject({
      code: 'INVALID',
    });
  });

  it('that is cut off says so', async () => {
    const url = await serve((_request, response) => {
      response.writeHead(200, { 'content-length': BLOB.length });
      response.write(BLOB.subarray(0, 1000), () => response.destroy());
    });
    const { content } = await clientOf(url).openBlob('a', digestOf(BLOB), 0, signal);
    await expect(bytesOf(content)).rejects.toMatchObject({ code: 'UNREACHABLE', retryable: true });
  });
});

it.each<[string, RequestListener, string, string]>([
  [
    'has no such image',
    (_, response) => void refuse(response, 404),
    'NOT_FOUND',
    'has no image a:1: SOME_CODE said',
  ],
  ['forbids it', (_, response) => void refuse(response, 403), 'DENIED', '(403)'],
  ['is out of order', (_, response) => void refuse(response, 500), 'UNREACHABLE', '(500)'],
  [
    'is a proxy with a page of its own',
    (_, response) => void response.writeHead(502).end('<html>'),
    'UNREACHABLE',
    '(502)',
  ],
  [
    'gives another manifest than it says itself',
    (_, response) => {
      response.setHeader('docker-content-digest', `sha256:${'0'.repeat(64)}`);
      response.end(MANIFEST);
    },
    'INVALID',
    'other content than a:1',
  ],
  ['gives what is no manifest', (_, response) => void response.end('<html>'), 'INVALID', 'no JSON'],
  [
    'gives a manifest without end',
    (_, response) => {
      const more = () => {
        while (response.write(Buffer.alloc(100_000, ' ')));
      };
      response.on('drain', more);
      more();
    },
    'INVALID',
    'too large',
  ],
  [
    'leads in a circle',
    (_, response) => void response.writeHead(302, { location: '/v2/' }).end(),
    'INVALID',
    'leads elsewhere',
  ],
  [
    'leads to a file',
    (_, response) => void response.writeHead(302, { location: 'file:///etc' }).end(),
    'INVALID',
    'leads elsewhere',
  ],
  [
    'names no token service',
    (_, response) => void refuse(response, 401, challenge('ftp://x/')),
    'INVALID',
    'token service',
  ],
  [
    'wants what nobody knows',
    (_, response) => void refuse(response, 401, { 'www-authenticate': 'Negotiate' }),
    'DENIED',
    'credential',
  ],
])('says of an upstream that it %s', async (_title, listener, code, message) => {
  const client = clientOf(await serve(listener), { credential: CREDENTIAL });
  const failure = await client.readManifest('a', { tag: '1' }, signal).catch((error: Error) => error);
  expect(failure).toMatchObject({ code, message: expect.stringContaining(message) });
  expect(String(failure)).not.toContain(SECRET);
  expect(String(failure)).not.toContain('\u001b');
});

it('is not given other content than its digest says', async () => {
  const url = await serve((_request, response) => void sendManifest(response));
  await expect(clientOf(url).readManifest('a', { digest: digestOf(BLOB) }, signal)).rejects.toMatchObject({
    code: 'INVALID',
    message: expect.stringContaining('other content'),
  });
});

describe('cannot be reached, and says why', () => {
  it.each<[string, () => Promise<URL>, string, boolean]>([
    [
      'nobody listens',
      async () => {
        const url = await serve(() => {});
        for (const close of open.splice(0)) close();
        return url;
      },
      'nothing listens',
      true,
    ],
    [
      'it speaks no TLS',
      async () => new URL((await serve(() => {})).href.replace('http:', 'https:')),
      'TLS',
      true,
    ],
    [
      'it hangs up',
      async () => {
        const server = createTcpServer((socket) => socket.destroy());
        await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
        open.push(() => server.close());
        return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
      },
      'closed the connection',
      // It was there: another request may fare better.
      false,
    ],
  ])('%s', async (_title, makeUrl, message, isAway) => {
    const client = clientOf(await makeUrl());
    await expect(client.readManifest('a', { tag: '1' }, signal)).rejects.toMatchObject({
      ...{ code: 'UNREACHABLE', retryable: true, details: { isAway } },
      message: expect.stringContaining(message),
    });
  });
});

it('finds upstreams on .local by multicast DNS', async () => {
  const url = await serve((_request, response) => void sendManifest(response));
  const named = (name: string) => clientOf(new URL(`http://${name}:${url.port}/`));
  expect((await named('site.local').readManifest('a', { tag: '1' }, signal)).bytes).toEqual(MANIFEST);
  await expect(named('nobody.local').readManifest('a', { tag: '1' }, signal)).rejects.toMatchObject({
    code: 'UNREACHABLE',
    message: expect.stringContaining('answers by multicast DNS'),
  });
});

it('ends at once when nobody wants it any more', async () => {
  const asked = Promise.withResolvers<void>();
  const url = await serve(() => asked.resolve());
  const controller = new AbortController();
  const reading = clientOf(url).readManifest('a', { tag: '1' }, controller.signal);
  await asked.promise;
  controller.abort(new Error('enough'));
  await expect(reading).rejects.toThrow('enough');
});
