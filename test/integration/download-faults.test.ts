// SPDX-License-Identifier: Apache-2.0
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { digestOfHex } from '@local-datastore/shared/oci/digest';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createFileTarget } from '../../eve-agent/src/content/file-target.ts';
import { openPartialFile } from '../../eve-agent/src/content/partial-file.ts';
import { openFlow } from '../../eve-agent/src/network/open-flow.ts';
import { createDownload } from '../../eve-agent/src/transfer/download.ts';
import type {
  DownloadEvent,
  DownloadRequest,
  DownloadResult,
} from '../../eve-agent/src/transfer/download-request.ts';
import {
  type Behaviour,
  cutAfter,
  type ImageServer,
  makeImage,
  serveImage,
  sha256Of,
  startImageServer,
} from './image-server.ts';

/** More than one slot of the sink, and no multiple of a disk block. */
const image = makeImage(9 * 1024 * 1024 + 123);
const otherImage = makeImage(image.length, 'other');
const digest = digestOfHex(sha256Of(image));
const HALF = 5 * 1024 * 1024 + 77;

let directory: string;
let target: string;
const servers: ImageServer[] = [];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'download-'));
  target = join(directory, 'image.img');
});
afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop();
  await rm(directory, { recursive: true });
});

async function serve(behaviour: Behaviour): Promise<ImageServer> {
  const server = await startImageServer(behaviour);
  servers.push(server);
  return server;
}

interface Run {
  readonly events: DownloadEvent[];
  readonly delays: number[];
  readonly result: Promise<DownloadResult>;
}

/** A download whose waits between tries take no time. */
function start(
  url: URL,
  request: Partial<Omit<DownloadRequest, 'target'>> & { readonly target?: string } = {},
  options: { signal?: AbortSignal; stallTimeoutMs?: number; maxFailures?: number } = {},
): Run {
  const events: DownloadEvent[] = [];
  const delays: number[] = [];
  const download = createDownload(
    {
      locate: async (located) => ({ url: located, address: null, sourceAddress: null, bridgeName: null }),
      openFlow,
      delay: async (delayMs) => void delays.push(delayMs),
      now: Date.now,
      random: () => 0,
    },
    {
      retry: { maxFailures: options.maxFailures ?? 3, maxDelayMs: 60_000 },
      stallTimeoutMs: options.stallTimeoutMs ?? 30_000,
      userAgent: 'test',
    },
  );
  const result = download(
    {
      ...{ url, digest: null, sizeBytes: null, authorization: null, ca: null, ...request },
      target: createFileTarget(request.target ?? target),
    },
    { onEvent: (event) => events.push(event), onProgress: () => {} },
    options.signal ?? new AbortController().signal,
  );
  result.catch(() => {});
  return { events, delays, result };
}

async function expectWhole(): Promise<void> {
  expect(sha256Of(await readFile(target))).toBe(digest.hex);
  expect(await readdir(directory)).toEqual(['image.img']);
}

async function expectAbsent(): Promise<void> {
  await expect(stat(target)).rejects.toMatchObject({ code: 'ENOENT' });
}

/** Leaves what a run leaves that was stopped after about half. */
async function leaveHalf(etag: string | null = `"${digest.hex}"`): Promise<number> {
  const server = await serve((request, response) =>
    serveImage(request, response, image, { etag, stopAfterBytes: HALF }),
  );
  const abort = new AbortController();
  const run = start(server.url, { digest }, { signal: abort.signal });
  // The first retry is the sign that the connection was cut.
  const events = run.events;
  const push = events.push.bind(events);
  events.push = (...items) => {
    if (items.some(({ kind }) => kind === 'retrying')) abort.abort(new Error('stopped'));
    return push(...items);
  };
  await expect(run.result).rejects.toThrow('stopped');
  return (await stat(join(directory, '.image.img.partial'))).size;
}

describe('a download', () => {
  it('leaves the whole file, verified, and nothing else', async () => {
    const server = await serve((request, response) => serveImage(request, response, image));
    const { result } = start(server.url, { digest, sizeBytes: image.length });
    expect(await result).toMatchObject({
      digest,
      sizeBytes: image.length,
      verifiedAgainst: 'request',
    });
    await expectWhole();
  });

  it('checks against what the datastore states when nobody else said anything', async () => {
    const stated = `sha-256=:${Buffer.from(digest.hex, 'hex').toString('base64')}:`;
    const right = await serve((request, response) => {
      response.setHeader('Repr-Digest', stated);
      serveImage(request, response, image);
    });
    expect(await start(right.url).result).toMatchObject({ verifiedAgainst: 'datastore' });
    await expectWhole();
    const wrong = await serve((request, response) => {
      response.setHeader('Repr-Digest', stated);
      serveImage(request, response, otherImage, { etag: null });
    });
    await expect(start(wrong.url).result).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
    await expectWhole();
  });

  it('stores an empty file', async () => {
    const server = await serve((request, response) => serveImage(request, response, Buffer.alloc(0)));
    expect(await start(server.url).result).toMatchObject({ sizeBytes: 0 });
    expect((await stat(target)).size).toBe(0);
  });

  it('stores a chunked body', async () => {
    const server = await serve((_, response) => {
      response.write(image.subarray(0, 1000));
      response.end(image.subarray(1000));
    });
    await start(server.url, { digest }).result;
    await expectWhole();
  });

  it('rejects other bytes and keeps the old target', async () => {
    await writeFile(target, 'old');
    const server = await serve((request, response) => serveImage(request, response, otherImage));
    await expect(start(server.url, { digest }).result).rejects.toMatchObject({
      code: 'DIGEST_MISMATCH',
    });
    expect(await readFile(target, 'utf8')).toBe('old');
    expect(await readdir(directory)).toEqual(['image.img']);
  });

  it.each([-1, 1])('rejects a size that is %i byte off before it stores anything', async (difference) => {
    const server = await serve((request, response) => serveImage(request, response, image));
    const run = start(server.url, { sizeBytes: image.length + difference });
    await expect(run.result).rejects.toMatchObject({ code: 'SIZE_MISMATCH' });
    expect(run.events.map(({ kind }) => kind)).not.toContain('receiving');
    await expectAbsent();
  });

  it('cuts off a chunked body that grows past the size', async () => {
    const server = await serve((_, response) => {
      response.write(image);
      response.end(image);
    });
    const { result } = start(server.url, { sizeBytes: image.length, digest });
    await expect(result).rejects.toMatchObject({ code: 'SIZE_MISMATCH' });
    await expectAbsent();
  });

  it('rejects a chunked body that is shorter than the size', async () => {
    const server = await serve((_, response) => {
      response.write(image.subarray(0, 1000));
      response.end();
    });
    await expect(start(server.url, { sizeBytes: 2000 }).result).rejects.toMatchObject({
      code: 'SIZE_MISMATCH',
    });
    await expectAbsent();
  });

  it('refuses a body of unknown length when nothing can tell whether it is whole', async () => {
    const closing: Behaviour = (_, response) => {
      response.socket?.end(`HTTP/1.1 200 OK\r\n\r\n${'x'.repeat(10)}`);
    };
    const server = await serve(closing);
    await expect(start(server.url).result).rejects.toThrow('give --sha256 or --size');
    expect(await start(server.url, { sizeBytes: 10 }).result).toMatchObject({ sizeBytes: 10 });
  });

  it('refuses a compressed body', async () => {
    const server = await serve(
      (_, response) => void response.writeHead(200, { 'Content-Encoding': 'gzip' }).end('x'),
    );
    await expect(start(server.url).result).rejects.toThrow('Content-Encoding: gzip');
    expect(server.requests[0]?.headers['accept-encoding']).toBe('identity');
  });

  it.each(['x-gzip', 'none', 'utf-8', '', 'gzip'])(
    'takes what is labelled "%s" and has the digest',
    async (coding) => {
      const server = await serve((request, response) => {
        response.setHeader('Content-Encoding', coding);
        serveImage(request, response, image);
      });
      await start(server.url, { digest }).result;
      await expectWhole();
    },
  );

  it('names the coding when the digest is wrong after all', async () => {
    const server = await serve((request, response) => {
      response.setHeader('Content-Encoding', 'gzip');
      serveImage(request, response, otherImage);
    });
    await expect(start(server.url, { digest }).result).rejects.toMatchObject({
      code: 'DIGEST_MISMATCH',
      message: expect.stringContaining('Content-Encoding: gzip'),
    });
    await expectAbsent();
  });
});

describe('an interrupted download', () => {
  it('goes on within one run without fetching a byte twice', async () => {
    const server = await serve((request, response, index) =>
      serveImage(request, response, image, index < 2 ? { stopAfterBytes: 3 * 1024 * 1024 + 1 } : {}),
    );
    const { result, delays } = start(server.url, { digest });
    expect(await result).toMatchObject({ attempts: 3, receivedBytes: image.length });
    expect(server.ranges).toEqual([null, `bytes=${3 * 1024 * 1024 + 1}-`, `bytes=${6 * 1024 * 1024 + 2}-`]);
    // Progress was made each time, so each wait is the first of a series.
    expect(delays).toEqual([1000, 1000]);
    await expectWhole();
  });

  it('goes on in a later run, with the prefix hashed again', async () => {
    const sizeBytes = await leaveHalf();
    expect(sizeBytes).toBe(HALF);
    const server = await serve((request, response) => serveImage(request, response, image));
    const result = await start(server.url, { digest }).result;
    expect(result).toMatchObject({ resumedFromBytes: HALF, receivedBytes: image.length - HALF });
    expect(server.requests[0]?.headers['if-range']).toBe(`"${digest.hex}"`);
    await expectWhole();
  });

  it('starts over when the file was replaced meanwhile', async () => {
    await leaveHalf('"old"');
    const server = await serve((request, response) => serveImage(request, response, image));
    const result = await start(server.url, { digest }).result;
    expect(result).toMatchObject({ resumedFromBytes: 0, receivedBytes: image.length });
    expect(server.ranges).toEqual([`bytes=${HALF}-`]);
    await expectWhole();
  });

  it('starts over when a 206 names another version in spite of If-Range', async () => {
    await leaveHalf('"old"');
    const server = await serve((request, response) => {
      delete request.headers['if-range'];
      serveImage(request, response, image);
    });
    await start(server.url, { digest }).result;
    expect(server.ranges).toEqual([`bytes=${HALF}-`, null]);
    await expectWhole();
  });

  it('starts over with the body of a 200 to a range request', async () => {
    await leaveHalf();
    const server = await serve((request, response) => {
      delete request.headers.range;
      serveImage(request, response, image);
    });
    expect(await start(server.url, { digest }).result).toMatchObject({
      attempts: 1,
      resumedFromBytes: 0,
    });
    await expectWhole();
  });

  it('starts over when a 206 begins at the wrong offset', async () => {
    await leaveHalf();
    const server = await serve((request, response) => {
      if (request.headers.range !== undefined) request.headers.range = 'bytes=7-';
      serveImage(request, response, image);
    });
    await start(server.url, { digest }).result;
    expect(server.ranges).toEqual([`bytes=${HALF}-`, null]);
    await expectWhole();
  });

  it('fetches the first part again when nothing would tell if the file was replaced', async () => {
    const server = await serve((request, response, index) =>
      index === 0
        ? serveImage(request, response, otherImage, { etag: 'W/"1"', stopAfterBytes: HALF })
        : serveImage(request, response, image, { etag: 'W/"2"' }),
    );
    const { result, events } = start(server.url);
    await result;
    expect(server.ranges).toEqual([null, null]);
    expect(events.map(({ kind }) => kind)).toContain('starting-over');
    await expectWhole();
  });

  it('fetches everything once more when two parts of one run do not fit', async () => {
    const server = await serve((request, response, index) => {
      if (index === 0)
        return serveImage(request, response, otherImage, { etag: '"a"', stopAfterBytes: HALF });
      return serveImage(request, response, image, { etag: '"a"' });
    });
    await start(server.url, { digest }).result;
    expect(server.ranges).toEqual([null, `bytes=${HALF}-`, null]);
    await expectWhole();
  });

  it('does not take the end of a range for the end of a file of unknown length', async () => {
    const server = await serve((_, response, index) => {
      response.setHeader('ETag', '"a"');
      if (index === 1) {
        const range = `bytes ${HALF}-${HALF + 999}/*`;
        response.writeHead(206, { 'Content-Range': range }).end(image.subarray(HALF, HALF + 1000));
        return;
      }
      response.writeHead(200);
      if (index > 0) return response.end(image);
      return response.write(image.subarray(0, HALF), () => response.destroy());
    });
    await start(server.url).result;
    await expectWhole();
  });

  it('takes 416 at the end for done', async () => {
    await leaveHalf();
    await writeFile(join(directory, '.image.img.partial'), image);
    const server = await serve((request, response) => serveImage(request, response, image));
    expect(await start(server.url, { digest }).result).toMatchObject({ receivedBytes: 0 });
    await expectWhole();
  });

  it('starts over when the file has become shorter', async () => {
    await leaveHalf(null);
    const server = await serve((request, response, index) =>
      index === 0
        ? response.writeHead(416, { 'Content-Range': 'bytes */100' }).end()
        : serveImage(request, response, image),
    );
    await start(server.url, { digest }).result;
    expect(server.ranges).toEqual([`bytes=${HALF}-`, null]);
    await expectWhole();
  });

  it('fetches everything once more when the stored part turns out damaged', async () => {
    await leaveHalf();
    const partial = join(directory, '.image.img.partial');
    const stored = await readFile(partial);
    stored[1000] = (stored[1000] ?? 0) ^ 1;
    await writeFile(partial, stored);
    const server = await serve((request, response) => serveImage(request, response, image));
    const run = start(server.url, { digest });
    await run.result;
    expect(run.events.map(({ kind }) => kind)).toContain('starting-over');
    await expectWhole();
  });

  it('does not trust a part without a record, or with a broken one', async () => {
    await leaveHalf();
    await writeFile(join(directory, '.image.img.partial.json'), '{"version":1,');
    const server = await serve((request, response) => serveImage(request, response, image));
    await start(server.url, { digest }).result;
    expect(server.ranges).toEqual([null]);
    await expectWhole();
  });

  it('leaves nothing of a record that a killed run was writing', async () => {
    await leaveHalf();
    await writeFile(join(directory, '.image.img.partial.json.new'), '{"version":1,');
    const server = await serve((request, response) => serveImage(request, response, image));
    await start(server.url, { digest }).result;
    await expectWhole();
  });

  it('does not continue another URL’s part', async () => {
    await leaveHalf();
    const server = await serve((request, response) => serveImage(request, response, otherImage));
    expect(await start(server.url).result).toMatchObject({
      digest: digestOfHex(sha256Of(otherImage)),
      resumedFromBytes: 0,
    });
  });

  it('gives up on a file that changes under every attempt', async () => {
    await leaveHalf();
    const server = await serve((_, response, index) => {
      const isRange = index % 2 === 0;
      response.writeHead(isRange ? 206 : 200, {
        ETag: `"${index}"`,
        'Content-Length': image.length,
        ...(isRange && { 'Content-Range': `bytes 1-${image.length}/${image.length + 1}` }),
      });
      cutAfter(response, image.subarray(0, 10_000));
    });
    await expect(start(server.url, { digest }).result).rejects.toThrow('gave up after starting over');
  });
});

describe('a refused range', () => {
  const range = `bytes=${HALF}-`;
  const refusing =
    (statusCode: number, plain: Behaviour): Behaviour =>
    (request, response, index) =>
      request.headers.range === undefined
        ? plain(request, response, index)
        : response.writeHead(statusCode).end();

  it.each([
    [400, [range, null]],
    [403, [range, null]],
    [500, [range, range, null]],
    [503, [range, range, null]],
  ])('with status %i is followed by the whole', async (statusCode, ranges) => {
    await leaveHalf();
    const server = await serve(
      refusing(statusCode, (request, response) => serveImage(request, response, image)),
    );
    const result = await start(server.url, { digest }).result;
    expect(result).toMatchObject({ resumedFromBytes: 0, receivedBytes: image.length });
    expect(server.ranges).toEqual(ranges);
    await expectWhole();
  });

  it.each<[string, number, Behaviour, (string | null)[]]>([
    ['the same', 403, (_, response) => response.writeHead(403).end(), [range, null]],
    ['another refusal', 403, (_, response) => response.writeHead(404).end(), [range, null]],
    ['416', 400, (_, response) => response.writeHead(416).end(), [range, null]],
    ['nothing', 403, (_, response) => response.destroy(), [range, null]],
    ['the same', 500, (_, response) => response.writeHead(500).end(), [range, range, null, range, range]],
    ['nothing', 502, (_, response) => response.destroy(), [range, range, null, range, range]],
    ['nothing asked', 404, () => {}, [range]],
    ['nothing asked', 429, () => {}, [range, range, range, range]],
  ])('and %s after status %i to it leave what is stored', async (_, statusCode, plain, ranges) => {
    await leaveHalf();
    const server = await serve(refusing(statusCode, plain));
    await expect(start(server.url, { digest }).result).rejects.toMatchObject({
      code: 'HTTP_STATUS',
      details: { statusCode },
    });
    expect(server.ranges).toEqual(ranges);
    const healed = await serve((request, response) => serveImage(request, response, image));
    expect(await start(healed.url, { digest }).result).toMatchObject({ resumedFromBytes: HALF });
    await expectWhole();
  });

  it.each([400, 403, 500, 503])(
    'with status %i is followed by the whole in a run that retries nothing itself',
    async (statusCode) => {
      await leaveHalf();
      const server = await serve(
        refusing(statusCode, (request, response) => serveImage(request, response, image)),
      );
      await start(server.url, { digest }, { maxFailures: 0 }).result;
      expect(server.ranges).toEqual([range, null]);
      await expectWhole();
    },
  );

  it('is asked for the whole again when that breaks off', async () => {
    await leaveHalf();
    const server = await serve(
      refusing(403, (request, response, index) =>
        serveImage(request, response, image, index < 2 ? { stopAfterBytes: HALF } : {}),
      ),
    );
    await start(server.url, { digest }).result;
    expect(server.ranges).toEqual([range, null, range, null]);
    await expectWhole();
  });
});

describe('a failing datastore', () => {
  it.each([400, 401, 403, 404, 410])('ends with status %i at once', async (statusCode) => {
    const server = await serve((_, response) => response.writeHead(statusCode).end('no'));
    await expect(start(server.url).result).rejects.toMatchObject({
      code: 'HTTP_STATUS',
      details: { statusCode },
    });
    expect(server.requests).toHaveLength(1);
    await expectAbsent();
  });

  it.each([500, 502, 503, 429])('is asked again after status %i, ever more slowly', async (statusCode) => {
    const server = await serve((_, response) => response.writeHead(statusCode).end());
    const { result, delays } = start(server.url);
    await expect(result).rejects.toMatchObject({ code: 'HTTP_STATUS' });
    expect(delays).toEqual([1000, 2000, 4000]);
    expect(server.requests).toHaveLength(4);
  });

  it('is given the time that it asks for', async () => {
    const server = await serve((request, response, index) =>
      index === 0
        ? response.writeHead(503, { 'Retry-After': '7' }).end()
        : serveImage(request, response, image),
    );
    const { result, delays } = start(server.url);
    await result;
    expect(delays).toEqual([7000]);
  });

  it('that stalls is left after the stall time', async () => {
    const server = await serve((_, response, index) => {
      if (index === 0)
        response.writeHead(200, { 'Content-Length': image.length }).write(image.subarray(0, 100));
      // Later requests get no answer at all.
    });
    const run = start(server.url, {}, { stallTimeoutMs: 50 });
    await expect(run.result).rejects.toMatchObject({ code: 'STALLED', retryable: true });
    await expectAbsent();
  });

  it('is not left where it was this host that had no time to read what came', async () => {
    const server = await serve((request, response) => {
      serveImage(request, response, image);
      const untilMs = performance.now() + 300;
      while (performance.now() < untilMs);
    });
    const { result, delays } = start(server.url, {}, { stallTimeoutMs: 100 });
    await result;
    expect(delays).toEqual([]);
    await expectWhole();
  });

  it('that refuses connections is tried again, then named', async () => {
    const server = await startImageServer(() => {});
    await server.stop();
    const { result, delays } = start(server.url);
    await expect(result).rejects.toMatchObject({ code: 'CONNECTION_FAILED' });
    expect(delays).toHaveLength(3);
  });

  it('may redirect within limits', async () => {
    const loop = await serve((_, response) => response.writeHead(302, { Location: '/again' }).end());
    await expect(start(loop.url).result).rejects.toMatchObject({ code: 'REDIRECT_REFUSED' });
    expect(loop.requests.length).toBeLessThanOrEqual(6);
    const ftp = await serve((_, response) => response.writeHead(302, { Location: 'ftp://x/y' }).end());
    await expect(start(ftp.url).result).rejects.toMatchObject({ code: 'REDIRECT_REFUSED' });
    const named = await serve((_, response) =>
      response.writeHead(302, { Location: 'http://a:b@127.0.0.1/\u009b31m' }).end(),
    );
    await expect(start(named.url).result).rejects.toMatchObject({
      code: 'REDIRECT_REFUSED',
      message: expect.not.stringContaining('\u009b'),
    });
    const other = await serve((request, response) => serveImage(request, response, image));
    const moved = await serve((_, response) => response.writeHead(302, { Location: other.url.href }).end());
    await start(moved.url, { authorization: 'Bearer secret' }).result;
    expect(moved.requests[0]?.headers.authorization).toBe('Bearer secret');
    expect(other.requests[0]?.headers.authorization).toBeUndefined();
  });
});

describe('the target', () => {
  it('is left to the first of two downloads', async () => {
    const held: (() => void)[] = [];
    const server = await serve(
      (request, response) => void held.push(() => serveImage(request, response, image)),
    );
    const first = start(server.url, { digest });
    await expect.poll(() => held.length).toBe(1);
    await expect(start(server.url, { digest }).result).rejects.toMatchObject({ code: 'TARGET_BUSY' });
    held[0]?.();
    await first.result;
    await expectWhole();
  });

  it('is not made of the bytes of another download that the lock cannot see', async () => {
    let sendRest = () => {};
    const server = await serve((_, response) => {
      response.writeHead(200, { 'Content-Length': image.length });
      response.write(image.subarray(0, HALF));
      sendRest = () => response.end(image.subarray(HALF));
    });
    const first = start(server.url, { digest });
    const partial = join(directory, '.image.img.partial');
    await expect.poll(() => stat(partial).then(({ size }) => size)).toBeGreaterThan(0);
    // As from another network namespace.
    const other = await openPartialFile(target);
    await other.file.truncate();
    await other.file.write(otherImage.subarray(0, 1000), 0);
    sendRest();
    await expect(first.result).rejects.toMatchObject({ code: 'TARGET_BUSY' });
    await other.close();
    await expectAbsent();
    expect(await readFile(partial)).toEqual(otherImage.subarray(0, 1000));
  });

  it('must be in a directory that exists', async () => {
    const server = await serve((request, response) => serveImage(request, response, image));
    const missing = join(directory, 'missing', 'image.img');
    await expect(start(server.url, { target: missing }).result).rejects.toMatchObject({
      code: 'TARGET_UNWRITABLE',
    });
    expect(server.requests).toHaveLength(0);
  });

  it('is never reached through a symbolic link that someone put in the way', async () => {
    const elsewhere = join(directory, 'elsewhere');
    await mkdir(elsewhere);
    await writeFile(join(elsewhere, 'precious'), 'precious');
    await symlink(join(elsewhere, 'precious'), join(directory, '.image.img.partial'));
    const server = await serve((request, response) => serveImage(request, response, image));
    await expect(start(server.url).result).rejects.toMatchObject({ code: 'TARGET_UNWRITABLE' });
    expect(await readFile(join(elsewhere, 'precious'), 'utf8')).toBe('precious');
  });

  it('needs as much free space as the file has bytes', async () => {
    const server = await serve((_, response) => {
      response.writeHead(200, { 'Content-Length': Number.MAX_SAFE_INTEGER }).flushHeaders();
    });
    await expect(start(server.url).result).rejects.toMatchObject({ code: 'NO_SPACE' });
    await expectAbsent();
  });

  it('may have a name as long as the file system takes', async () => {
    const server = await serve((request, response) => serveImage(request, response, image));
    const long = join(directory, 'n'.repeat(255));
    await start(server.url, { target: long, digest }).result;
    expect(await readdir(directory)).toEqual(['n'.repeat(255)]);
  });
});
