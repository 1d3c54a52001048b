// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createEngineClient, isEngineStatus } from './engine-client.ts';

const { signal } = new AbortController();

/** What answers on a Unix socket as the test has it; `/_ping` with a version of the API. */
async function startEngine(apiVersion: string | undefined, listener: RequestListener) {
  const folder = await mkdtemp(join(tmpdir(), 'engine-'));
  const path = join(folder, 'docker.sock');
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    if (request.url === '/_ping') {
      response.writeHead(200, apiVersion === undefined ? {} : { 'Api-Version': apiVersion }).end('OK');
    } else listener(request, response);
  }).listen(path);
  await once(server, 'listening');
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((closed) => server.close(closed));
    await rm(folder, { recursive: true });
  });
  return { client: createEngineClient({ kind: 'unix', path }), asked, path };
}

describe('createEngineClient', () => {
  it.each([
    ['1.41', '/v1.41'],
    ['1.44', '/v1.44'],
    ['1.99', '/v1.48'],
  ])('of an engine of %s it speaks %s, asked for once', async (offered, prefix) => {
    const { client, asked } = await startEngine(offered, (_request, response) =>
      response.end('[{"Id":"a"}]'),
    );
    const query = { all: 'true', filters: '{"label":["a=b"]}' };
    expect(await client.ask('GET', '/containers/json', { query, signal })).toEqual([{ Id: 'a' }]);
    await client.ask('GET', '/info', { signal });
    expect(`/v1.${await client.apiVersion(signal)}`).toBe(prefix);
    expect(asked).toEqual([
      'GET /_ping',
      `GET ${prefix}/containers/json?all=true&filters=%7B%22label%22%3A%5B%22a%3Db%22%5D%7D`,
      `GET ${prefix}/info`,
    ]);
  });

  it.each([
    ['1.40', /1\.41 is needed/],
    [undefined, /no container engine/],
    ['newest', /no container engine/],
  ])('an engine of %s is not spoken to', async (offered, why) => {
    const { client } = await startEngine(offered, (_request, response) => response.end());
    await expect(client.ask('GET', '/info', { signal })).rejects.toThrow(why);
  });

  it('sends a document, and takes an answer without one', async () => {
    const bodies: string[] = [];
    const { client } = await startEngine('1.41', async (request, response) => {
      bodies.push(`${request.headers['content-type']} ${await text(request)}`);
      response.writeHead(204).end();
    });
    expect(await client.ask('POST', '/containers/create', { json: { Image: 'a' }, signal })).toBeUndefined();
    expect(bodies).toEqual(['application/json {"Image":"a"}']);
  });

  it('says what an engine refuses, and by which status', async () => {
    const { client } = await startEngine('1.41', (_request, response) => {
      response
        .writeHead(404, { 'content-type': 'application/json' })
        .end('{"message":"No such image: a\\n"}');
    });
    const error = await client.ask('GET', '/images/a/json', { signal }).catch((thrown: unknown) => thrown);
    expect(isEngineStatus(error, 404)).toBe(true);
    expect(error).toMatchObject({
      code: 'ENGINE_REFUSED',
      message: expect.stringMatching(/: No such image: a$/),
    });
  });

  it('an answer that is no document of an engine is told by its status', async () => {
    const { client } = await startEngine('1.41', (_request, response) =>
      response.writeHead(502).end('<html>'),
    );
    await expect(client.ask('GET', '/info', { signal })).rejects.toThrow('it answers 502');
  });

  it('sends bytes as they come, and reads an answer as it comes', async () => {
    const { client } = await startEngine('1.41', async (request, response) => {
      response.end(`got ${await text(request)} of ${request.headers['content-type']}`);
    });
    const body = (async function* () {
      yield Buffer.from('first, ');
      yield Buffer.from('second');
    })();
    const answer = await client.open('POST', '/images/load', { body, signal });
    const parts: Uint8Array[] = [];
    for await (const part of answer.body) parts.push(part);
    expect(Buffer.concat(parts).toString()).toBe('got first, second of application/x-tar');
  });

  it('what fails while it is sent is thrown as it is, and the engine sees the request cut off', async () => {
    const begun = Promise.withResolvers<void>();
    const ended = Promise.withResolvers<string>();
    const { client } = await startEngine('1.41', async (request) => {
      request.once('data', () => begun.resolve());
      await text(request).then(ended.resolve, () => ended.resolve('cut off'));
    });
    const body = (async function* () {
      yield Buffer.from('first');
      await begun.promise;
      throw new RangeError('no image');
    })();
    await expect(client.open('POST', '/images/load', { body, signal })).rejects.toThrow(
      new RangeError('no image'),
    );
    expect(await ended.promise).toBe('cut off');
  });

  it('an engine that goes away while it is sent to is told of', async () => {
    const { client } = await startEngine('1.41', (request) => request.once('data', () => request.destroy()));
    const endless = (async function* () {
      for (;;) yield Buffer.alloc(65_536);
    })();
    await expect(client.open('POST', '/images/load', { body: endless, signal })).rejects.toMatchObject({
      code: 'ENGINE_UNREACHABLE',
    });
  });

  it('hears a refusal while it is sending', async () => {
    const { client } = await startEngine('1.41', (_request, response) => {
      response.writeHead(500, { 'content-type': 'application/json' }).end('{"message":"no space left"}');
    });
    const endless = (async function* () {
      for (;;) yield Buffer.alloc(65_536);
    })();
    await expect(client.open('POST', '/images/load', { body: endless, signal })).rejects.toThrow(
      'no space left',
    );
  });

  it('makes more of a body ready while the engine is busy', async () => {
    const ready = Promise.withResolvers<void>();
    const { client } = await startEngine('1.41', async (_request, response) => {
      await ready.promise;
      response.writeHead(500).end('{"message":"busy no more"}');
    });
    // What is ahead, and a piece that is being sent; without, the kernel's buffers alone would be filled.
    const wantedBytes = 9 * 65_536;
    const endless = (async function* () {
      for (let madeBytes = 0; ; madeBytes += 65_536) {
        if (madeBytes >= wantedBytes) ready.resolve();
        yield Buffer.alloc(65_536);
      }
    })();
    await expect(client.open('POST', '/images/load', { body: endless, signal })).rejects.toThrow(
      'busy no more',
    );
  });

  it('says where nobody answers, and asks again after', async () => {
    const { path } = await startEngine('1.41', (_request, response) => response.end('{}'));
    const client = createEngineClient({ kind: 'unix', path: `${path}.none` });
    const error = await client.ask('GET', '/info', { signal }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'ENGINE_UNREACHABLE', retryable: true, status: null });
    expect(String(error)).toContain(`${path}.none`);
  });

  it('an engine that breaks off is told of', async () => {
    const { client } = await startEngine('1.41', (_request, response) => {
      response.write('{"a":');
      setImmediate(() => response.destroy());
    });
    await expect(client.ask('GET', '/info', { signal })).rejects.toThrow('broke off');
  });

  it('ends with its signal', async () => {
    const asked = Promise.withResolvers<void>();
    const { client } = await startEngine('1.41', () => asked.resolve());
    const ending = new AbortController();
    const answer = client.ask('GET', '/events', { signal: ending.signal });
    await asked.promise;
    ending.abort(new Error('enough'));
    await expect(answer).rejects.toThrow('enough');
  });
});
