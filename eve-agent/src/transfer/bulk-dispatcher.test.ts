// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { Client, type Dispatcher } from 'undici';
import { afterEach, describe, expect, it } from 'vitest';
import { openFlow } from '../network/open-flow.ts';
import { type BodyRegion, BulkDispatcher } from './bulk-dispatcher.ts';

/** What a server does with one connection once the request's head has arrived. */
type Script = (socket: Socket) => void | Promise<void>;

interface Outcome {
  readonly statusCode: number | null;
  readonly headers: Record<string, unknown>;
  readonly body: string;
  readonly hasFailed: boolean;
}

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function serve(script: Script): Promise<{ origin: string; requests: string[] }> {
  const requests: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    let request = '';
    socket.on('data', (bytes) => {
      request += bytes.toString('latin1');
      if (!request.endsWith('\r\n\r\n')) return;
      requests.push(request);
      request = '';
      void script(socket);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests };
}

/** Receives into memory in the way a sink does: in place when it can. */
function createReceiver(regionBytes = 1000) {
  const region = Buffer.alloc(regionBytes);
  return { bodyRegion: () => region, region };
}

function createBulk(origin: string, bodyRegion: BodyRegion = createReceiver().bodyRegion): BulkDispatcher {
  const place = { openFlow, url: new URL(origin), address: null, localAddress: null, ca: null };
  return new BulkDispatcher({ ...place, connectTimeoutMs: 60_000, bodyRegion });
}

function get(
  dispatcher: Dispatcher,
  origin: string,
  onStart: (controller: Dispatcher.DispatchController) => void = () => {},
  onData: (controller: Dispatcher.DispatchController, chunk: Buffer) => void = () => {},
): Promise<Outcome & { error?: Error }> {
  const chunks: Buffer[] = [];
  let statusCode: number | null = null;
  let headers = {};
  const outcome = () => ({ statusCode, headers, body: Buffer.concat(chunks).toString('latin1') });
  return new Promise((resolve) => {
    dispatcher.dispatch(
      { origin, path: '/image?x=1', method: 'GET', headers: { 'x-test': 'yes' } },
      {
        onRequestStart: () => {},
        onResponseStart(controller, status, fields) {
          if (status < 200) return;
          statusCode = status;
          headers = { ...fields };
          onStart(controller);
        },
        onResponseData(controller, chunk) {
          chunks.push(Buffer.from(chunk));
          onData(controller, chunk);
        },
        onResponseEnd: () => resolve({ ...outcome(), hasFailed: false }),
        onResponseError: (_, error) => resolve({ ...outcome(), hasFailed: true, error }),
      },
    );
  });
}

async function outcomesOfBoth(
  script: Script,
): Promise<{ bulk: Outcome; undici: Outcome; requests: string[] }> {
  const { origin, requests } = await serve(script);
  const { bodyRegion } = createReceiver();
  const bulk = createBulk(origin, bodyRegion);
  const client = new Client(origin);
  const strip = ({ statusCode, headers, body, hasFailed }: Outcome) => ({
    statusCode,
    headers,
    body,
    hasFailed,
  });
  const outcomes = {
    bulk: strip(await get(bulk, origin)),
    undici: strip(await get(client, origin)),
    requests,
  };
  await Promise.all([bulk.destroy(), client.destroy()]);
  return outcomes;
}

const say =
  (...pieces: string[]): Script =>
  async (socket) => {
    socket.setNoDelay(true);
    for (const piece of pieces) {
      socket.write(piece, 'latin1');
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
const sayAndClose =
  (...pieces: string[]): Script =>
  async (socket) => {
    await say(...pieces)(socket);
    socket.end();
  };

const body = 'x'.repeat(5000);

describe('BulkDispatcher sees every response as undici does', () => {
  const cases: [string, Script][] = [
    ['a regular body', say(`HTTP/1.1 200 OK\r\nContent-Length: 5000\r\nETag: "a"\r\n\r\n${body}`)],
    ['a regular body, byte by byte', say(...`HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world`)],
    [
      'head and body apart',
      say('HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n', body.slice(0, 7), body.slice(7)),
    ],
    [
      'a partial body',
      say(`HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 1-5/9\r\ncontent-length: 5\r\n\r\nabcde`),
    ],
    ['repeated fields', say('HTTP/1.1 200 OK\r\nX-A: 1\r\nx-a: 2\r\nContent-Length: 1\r\n\r\nz')],
    ['no reason phrase', say('HTTP/1.1 200 \r\nContent-Length: 1\r\n\r\nz')],
    ['an empty body', say('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')],
    [
      'a chunked body',
      say(
        'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n',
        '6;a=b\r\n world\r\n0\r\n\r\n',
      ),
    ],
    [
      'a chunked body that breaks off',
      sayAndClose('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel'),
    ],
    ['a body that ends with the connection', sayAndClose('HTTP/1.1 200 OK\r\n\r\nhello')],
    ['a body that ends with the connection, HTTP/1.0', sayAndClose('HTTP/1.0 200 OK\r\n\r\nhello')],
    ['an error with a body', say('HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnope')],
    ['no content', say('HTTP/1.1 204 No Content\r\n\r\n')],
    ['an early close in the body', sayAndClose('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello')],
    ['an early close in the head', sayAndClose('HTTP/1.1 200 OK\r\nContent-Le')],
    ['no response', sayAndClose('')],
    ['no HTTP', say('SSH-2.0-OpenSSH_9.2\r\n\r\n')],
    ['two lengths', say('HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!')],
    ['a length that is no number', say('HTTP/1.1 200 OK\r\nContent-Length: 5x\r\n\r\nhello')],
    ['an endless head', sayAndClose(`HTTP/1.1 200 OK\r\nX-A: ${'a'.repeat(200_000)}\r\n\r\n`)],
  ];
  it.each(cases)('%s', async (_, script) => {
    const { bulk, undici, requests } = await outcomesOfBoth(script);
    expect(bulk).toEqual(undici);
    expect(requests[0]).toBe(requests[1]);
  });
});

describe('BulkDispatcher', () => {
  it('reads a regular body into the receiver’s memory', async () => {
    const head = Promise.withResolvers<void>();
    const { origin } = await serve(async (socket) => {
      await say('HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n')(socket);
      await head.promise;
      await say(body)(socket);
    });
    const { bodyRegion, region } = createReceiver();
    const inPlace: number[] = [];
    const bulk = createBulk(origin, bodyRegion);
    const outcome = await get(
      bulk,
      origin,
      () => head.resolve(),
      (_, chunk) => {
        if (chunk.buffer === region.buffer) inPlace.push(chunk.length);
      },
    );
    expect(outcome.body).toBe(body);
    expect(inPlace.reduce((sum, length) => sum + length, 0)).toBe(body.length);
    expect(Math.max(...inPlace)).toBeLessThanOrEqual(region.length);
  });

  it('hands over the body only after the handler resumed', async () => {
    const { origin } = await serve(say(`HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n${body}`));
    const bulk = createBulk(origin);
    let isResumed = false;
    let sawDataBefore = false;
    const outcome = await get(
      bulk,
      origin,
      (controller) => {
        controller.pause();
        setImmediate(() => {
          isResumed = true;
          controller.resume();
        });
      },
      (controller) => {
        sawDataBefore ||= !isResumed;
        controller.pause();
        setImmediate(() => controller.resume());
      },
    );
    expect(outcome).toMatchObject({ body, hasFailed: false });
    expect(sawDataBefore).toBe(false);
  });

  it('copies while the receiver has no room for more', async () => {
    const { origin } = await serve(say(`HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n${body}`));
    const bulk = createBulk(origin, () => undefined);
    expect((await get(bulk, origin)).body).toBe(body);
  });

  it('never takes more than the declared length', async () => {
    const { origin } = await serve(say('HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcdef'));
    const bulk = createBulk(origin);
    expect(await get(bulk, origin)).toMatchObject({ body: 'abc', hasFailed: false });
  });

  it('reports the reason of an abort once and closes the connection', async () => {
    let closed: Promise<unknown> = Promise.resolve();
    const { origin } = await serve((socket) => {
      closed = once(socket, 'close');
      return say('HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\nabc')(socket);
    });
    const bulk = createBulk(origin);
    const reason = new Error('enough');
    const outcome = await get(bulk, origin, undefined, (controller) => controller.abort(reason));
    expect(outcome.error).toBe(reason);
    await closed;
  });

  it('says that nobody listens', async () => {
    const { origin } = await serve(() => {});
    for (const cleanup of cleanups.splice(0)) await cleanup();
    const bulk = createBulk(origin);
    expect((await get(bulk, origin)).error).toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('ends what is under way when it is destroyed', async () => {
    const { origin } = await serve(say('HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\nabc'));
    const bulk = createBulk(origin);
    const outcome = await get(bulk, origin, undefined, () => void bulk.destroy());
    expect(outcome.hasFailed).toBe(true);
  });
});
