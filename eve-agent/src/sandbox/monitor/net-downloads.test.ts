// SPDX-License-Identifier: Apache-2.0
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { createPace } from '../../transfer/pace.ts';
import {
  type BodyRules,
  type Script,
  type ScriptedServer,
  serveScripts,
  startScriptedNet,
} from './scripted-net.ts';

const CONTENT = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 7 + (i >> 8)) & 0xff));
const HALF = 150_000;
const FIELDS = 'ETag: "one"\r\nAccept-Ranges: bytes\r\n';
const headOf = (length: number, more = '') =>
  `HTTP/1.1 200 OK\r\n${FIELDS}${more}Content-Length: ${length}\r\n\r\n`;
const WHOLE = headOf(CONTENT.length);
const rangeFrom = (from: number) =>
  `HTTP/1.1 206 Partial Content\r\n${FIELDS}Content-Range: bytes ${from}-${CONTENT.length - 1}/${CONTENT.length}\r\n` +
  `Content-Length: ${CONTENT.length - from}\r\n\r\n`;
const LONG_FIELD = `X-Long: ${'x'.repeat(64 * 1024 - 200)}\r\n`;

/** Says it piece by piece, each when the one before is on its way. */
const say =
  (...pieces: readonly (string | Buffer)[]): Script =>
  async (socket) => {
    for (const piece of pieces) {
      await new Promise((resolve) => socket.write(piece, resolve));
      await turn();
    }
  };
const sayAndClose =
  (...pieces: readonly (string | Buffer)[]): Script =>
  async (socket, request) => {
    await say(...pieces)(socket, request);
    socket.end();
  };
const chunked = (...pieces: readonly Buffer[]) => [
  `HTTP/1.1 200 OK\r\n${FIELDS}Transfer-Encoding: chunked\r\n\r\n`,
  ...pieces.flatMap((piece) => [`${piece.length.toString(16)}\r\n`, piece, '\r\n']),
  '0\r\n\r\n',
];

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function setUp(scripts: readonly Script[], rules: BodyRules = {}) {
  const server = await serveScripts(scripts);
  cleanups.push(() => server.close());
  const net = await startScriptedNet(rules);
  cleanups.push(() => net.stop());
  return { server, net };
}
/** Neither side has kept anything of a connection. */
const expectAllClosed = (server: ScriptedServer) => expect.poll(() => server.openConnections).toBe(0);

describe('a body is whole, and read by whom it can be', () => {
  const first = CONTENT.subarray(0, 5000);
  const rest = CONTENT.subarray(5000);
  it.each<[string, 'verifier' | 'calf', Script, Buffer?]>([
    ['head and body apart', 'verifier', say(WHOLE, CONTENT)],
    [
      'the head and the first bytes at once',
      'verifier',
      say(Buffer.concat([Buffer.from(WHOLE), first]), rest),
    ],
    ['a head byte by byte', 'verifier', say(...WHOLE, CONTENT)],
    ['a head of nearly 64 KiB', 'verifier', say(headOf(CONTENT.length, LONG_FIELD), CONTENT)],
    [
      'interim responses before the head',
      'verifier',
      say('HTTP/1.1 103 Early Hints\r\n\r\n', `HTTP/1.1 100 Continue\r\n\r\n${WHOLE}`, CONTENT),
    ],
    ['a head that only others read', 'verifier', say(WHOLE.replaceAll('\r\n', '\n'), CONTENT)],
    [
      'a body byte by byte at its end',
      'verifier',
      say(WHOLE, CONTENT.subarray(0, -20), ...[...CONTENT.subarray(-20)].map((byte) => Buffer.from([byte]))),
    ],
    [
      'more bytes than were said',
      'verifier',
      say(WHOLE, Buffer.concat([CONTENT, Buffer.from('HTTP/1.1 200 OK\r\n')])),
    ],
    ['the server closes behind the body', 'verifier', sayAndClose(WHOLE, CONTENT)],
    ['all of it at once with the head', 'calf', say(`${headOf(3)}abc`), Buffer.from('abc')],
    ['no byte', 'calf', say(headOf(0)), Buffer.alloc(0)],
    ['in chunks', 'calf', say(...chunked(first, rest))],
    ['up to the end of the connection', 'calf', sayAndClose(`HTTP/1.1 200 OK\r\n${FIELDS}\r\n`, CONTENT)],
  ])('%s: %s', async (_, reader, script, content = CONTENT) => {
    const { server, net } = await setUp([script]);
    const result = await net.download(server.url, content);
    expect((await net.published(content))?.equals(content)).toBe(true);
    expect(result).toMatchObject({
      ...{ sizeBytes: content.length, receivedBytes: content.length, resumedFromBytes: 0, attempts: 1 },
    });
    expect(net.asked.filter((kind) => kind === 'receive')).toHaveLength(reader === 'verifier' ? 1 : 0);
    await expectAllClosed(server);
  });

  it('without its size being known before', async () => {
    const { server, net } = await setUp([say(WHOLE, CONTENT)]);
    await net.download(server.url, CONTENT, { sizeBytes: null });
    expect((await net.published(CONTENT))?.equals(CONTENT)).toBe(true);
  });

  it('of several at once, each in its own place', async () => {
    const contents = Array.from({ length: 8 }, (_, i) => Buffer.alloc(200_000, i + 1));
    const byPath: Script = (socket, request) => {
      const content = contents[Number(/^GET \/(\d)/.exec(request)?.[1])] as Buffer;
      return say(headOf(content.length), content)(socket, request);
    };
    const { server, net } = await setUp(contents.map(() => byPath));
    await Promise.all(contents.map((content, i) => net.download(new URL(`/${i}`, server.url), content)));
    for (const content of contents) expect((await net.published(content))?.equals(content)).toBe(true);
    await expectAllClosed(server);
  });
});

describe('of a body that does not come whole, what has come is kept', () => {
  const begun = [WHOLE, CONTENT.subarray(0, HALF)] as const;
  it.each<[string, Script, string, BodyRules]>([
    ['the server closes too early', sayAndClose(...begun), 'CONNECTION_LOST', {}],
    ['it says no more', say(...begun), 'STALLED', { stallTimeoutMs: 500 }],
  ])('%s', async (_, script, code, rules) => {
    const { server, net } = await setUp([script, say(rangeFrom(HALF), CONTENT.subarray(HALF))], rules);
    await expect(net.download(server.url, CONTENT)).rejects.toMatchObject({ code, retryable: true });
    const result = await net.download(server.url, CONTENT);
    expect(server.requests[1]).toMatch(new RegExp(`\\r\\nrange: bytes=${HALF}-\\r\\n`, 'i'));
    expect(result).toMatchObject({ resumedFromBytes: HALF, receivedBytes: CONTENT.length - HALF });
    expect((await net.published(CONTENT))?.equals(CONTENT)).toBe(true);
    expect(net.asked.filter((kind) => kind === 'receive')).toHaveLength(2);
    await expectAllClosed(server);
  });

  it('the server breaks the connection', async () => {
    const taken = Promise.withResolvers<void>();
    const { server, net } = await setUp([
      async (socket, request) => {
        await say(...begun)(socket, request);
        await taken.promise;
        socket.resetAndDestroy();
      },
    ]);
    const downloading = net.download(server.url, CONTENT);
    await expect.poll(() => net.position).toBe(HALF);
    taken.resolve();
    await expect(downloading).rejects.toMatchObject({ code: 'CONNECTION_LOST', retryable: true });
    expect(await net.keptBytes(CONTENT)).toBe(HALF);
    await expectAllClosed(server);
  });

  it('a range is refused, and the whole comes again', async () => {
    const { server, net } = await setUp([sayAndClose(...begun), say(WHOLE, CONTENT)]);
    await expect(net.download(server.url, CONTENT)).rejects.toMatchObject({
      code: 'CONNECTION_LOST',
    });
    expect(await net.download(server.url, CONTENT)).toMatchObject({ receivedBytes: CONTENT.length });
    expect((await net.published(CONTENT))?.equals(CONTENT)).toBe(true);
  });

  it('it is given up in the middle', async () => {
    const { server, net } = await setUp([say(...begun), say(rangeFrom(HALF), CONTENT.subarray(HALF))]);
    const abort = new AbortController();
    const given = net.download(server.url, CONTENT, { signal: abort.signal });
    await expect.poll(() => net.position).toBe(HALF);
    const reason = new Error('not wanted any more');
    abort.abort(reason);
    await expect(given).rejects.toBe(reason);
    await expectAllClosed(server);
    expect(await net.download(server.url, CONTENT)).toMatchObject({ resumedFromBytes: HALF });
    expect((await net.published(CONTENT))?.equals(CONTENT)).toBe(true);
  });
});

describe('what is no body', () => {
  it.each<[string, Script, string, BodyRules]>([
    [
      'another status',
      say('HTTP/1.1 404 Not Found\r\nContent-Length: 300000\r\n\r\n', CONTENT),
      'HTTP_STATUS',
      {},
    ],
    ['half a head', sayAndClose(WHOLE.slice(0, 40)), 'RESPONSE_INVALID', {}],
    [
      'a head that never ends',
      say('HTTP/1.1 200 OK\r\n', `X: ${'x'.repeat(100_000)}`),
      'RESPONSE_INVALID',
      {},
    ],
    ['nothing', say(), 'STALLED', { stallTimeoutMs: 500 }],
    ['a body that is too long', say(headOf(CONTENT.length + 1), CONTENT, 'x'), 'SIZE_MISMATCH', {}],
  ])('%s is not read by the verifier, and leaves no connection', async (_, script, code, rules) => {
    const { server, net } = await setUp([script], rules);
    await expect(net.download(server.url, CONTENT)).rejects.toMatchObject({ code });
    expect(net.asked).not.toContain('receive');
    await expectAllClosed(server);
  });

  it('another content is refused by its digest', async () => {
    const other = Buffer.from(CONTENT);
    other[HALF] = (other[HALF] ?? 0) ^ 1;
    const { server, net } = await setUp([say(WHOLE, other)]);
    await expect(net.download(server.url, CONTENT)).rejects.toMatchObject({
      code: 'DIGEST_MISMATCH',
    });
    expect(await net.published(CONTENT)).toBeNull();
  });
});

describe('a download that is given up', () => {
  it('and wanted again at once comes whole, however often', async () => {
    const held: Promise<void>[] = [];
    const over = Promise.withResolvers<void>();
    const times = 10;
    const { server, net } = await setUp([
      ...Array.from(
        { length: times },
        (): Script => async (socket, request) => {
          await say(WHOLE, CONTENT.subarray(0, HALF))(socket, request);
          held.push(over.promise);
          await over.promise;
        },
      ),
      say(WHOLE, CONTENT),
    ]);
    for (let count = 1; count <= times; count += 1) {
      const abort = new AbortController();
      const given = net.download(server.url, CONTENT, { signal: abort.signal });
      await expect.poll(() => held.length).toBe(count);
      abort.abort(new Error('paused'));
      await expect(given).rejects.toThrow('paused');
    }
    await net.download(server.url, CONTENT);
    expect((await net.published(CONTENT))?.equals(CONTENT)).toBe(true);
    over.resolve();
    await expectAllClosed(server);
  });
});

describe('a calf that dies', () => {
  it('over a head: the next one asks again', async () => {
    const { server, net } = await setUp([say('HTTP/1.1 200 OK\r\n'), say(WHOLE, CONTENT)]);
    const downloading = net.download(server.url, CONTENT);
    await expect.poll(() => server.requests.length).toBe(1);
    await net.replaceCalf();
    expect(await downloading).toMatchObject({ receivedBytes: CONTENT.length });
    expect((await net.published(CONTENT))?.equals(CONTENT)).toBe(true);
    await expectAllClosed(server);
  });

  it('over a body: it is read on, and no byte comes twice', async () => {
    const dead = Promise.withResolvers<void>();
    const { server, net } = await setUp([
      async (socket, request) => {
        await say(WHOLE, CONTENT.subarray(0, HALF))(socket, request);
        await dead.promise;
        await say(CONTENT.subarray(HALF))(socket, request);
      },
      say(
        `HTTP/1.1 416 Range Not Satisfiable\r\n${FIELDS}Content-Range: bytes */${CONTENT.length}\r\nContent-Length: 0\r\n\r\n`,
      ),
    ]);
    const downloading = net.download(server.url, CONTENT);
    await expect.poll(() => net.position).toBe(HALF);
    await net.replaceCalf();
    dead.resolve();
    expect(await downloading).toMatchObject({ resumedFromBytes: CONTENT.length, receivedBytes: 0 });
    expect((await net.published(CONTENT))?.equals(CONTENT)).toBe(true);
    expect(server.requests).toHaveLength(2);
    await expectAllClosed(server);
  });
});

describe('a verifier that dies', () => {
  it.each<[string, readonly (string | Buffer)[]]>([
    ['it reads from a connection', [WHOLE, CONTENT.subarray(0, HALF)]],
    ['the calf sends it', chunked(CONTENT.subarray(0, HALF), CONTENT.subarray(HALF)).slice(0, 3)],
  ])('over a body that %s: what has come is kept, and hashed by the next one', async (_, pieces) => {
    const rest: Script = (socket, request) => {
      const from = /\r\nrange: bytes=(\d+)-\r\n/i.exec(request)?.[1];
      const answer = from === undefined ? [WHOLE, CONTENT] : [rangeFrom(+from), CONTENT.subarray(+from)];
      return say(...answer)(socket, request);
    };
    const { server, net } = await setUp([say(...pieces), rest]);
    const downloading = net.download(server.url, CONTENT);
    downloading.catch(() => {});
    await expect.poll(() => net.position).toBe(HALF);
    await net.replaceVerifier();
    await expect(downloading).rejects.toMatchObject({ code: 'TARGET_BUSY' });
    const result = await net.download(server.url, CONTENT);
    expect(result.resumedFromBytes + result.receivedBytes).toBe(CONTENT.length);
    expect((await net.published(CONTENT))?.equals(CONTENT)).toBe(true);
    await expectAllClosed(server);
  });
});

describe('what an earlier run stored', () => {
  it('is hashed: where its bytes were changed, all of it comes again', async () => {
    const { server, net } = await setUp([
      sayAndClose(WHOLE, CONTENT.subarray(0, HALF)),
      say(rangeFrom(HALF), CONTENT.subarray(HALF)),
      say(WHOLE, CONTENT),
    ]);
    await expect(net.download(server.url, CONTENT)).rejects.toMatchObject({ code: 'CONNECTION_LOST' });
    await net.changeKept(CONTENT, 5);
    expect(await net.download(server.url, CONTENT)).toMatchObject({
      ...{ attempts: 2, resumedFromBytes: 0, receivedBytes: CONTENT.length - HALF + CONTENT.length },
    });
    expect((await net.published(CONTENT))?.equals(CONTENT)).toBe(true);
  });
});

describe('how fast a body comes', () => {
  it('is watched where it is read', async () => {
    const slow = Promise.withResolvers<void>();
    const { server, net } = await setUp(
      [
        async (socket, request) => {
          await say(WHOLE, CONTENT.subarray(0, HALF))(socket, request);
          await slow.promise;
          await say(CONTENT.subarray(HALF))(socket, request);
        },
      ],
      { leastRate: { bytesPerSecond: 1_000_000_000, windowMs: 60 } },
    );
    const downloading = net.download(server.url, CONTENT);
    await expect.poll(() => net.events).toContain('slow');
    slow.resolve();
    await downloading;
    expect(net.events).toContain('verifying');
  });

  it.each<[string, readonly (string | Buffer)[]]>([
    ['by the verifier', [WHOLE, CONTENT]],
    ['by the calf', chunked(CONTENT)],
  ])('is kept to a rate, whoever reads it: %s', async (_, pieces) => {
    let nowMs = 0;
    const taken: number[] = [];
    const pace = createPace(1_000_000, () => nowMs);
    const { server, net } = await setUp([say(...pieces)], {
      pace: {
        take(byteCount) {
          taken.push(byteCount);
          const delayMs = pace.take(byteCount);
          nowMs += delayMs;
          return delayMs === 0 ? 0 : 1;
        },
      },
    });
    await net.download(server.url, CONTENT);
    expect(taken.reduce((sum, byteCount) => sum + byteCount, 0)).toBe(CONTENT.length);
    expect(nowMs).toBeGreaterThan(0);
  });
});
