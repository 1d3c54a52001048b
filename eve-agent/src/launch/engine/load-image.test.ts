// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createEngineClient } from '@local-datastore/shared/engine/engine-client';
import { octal, tarHeader } from '@local-datastore/shared/tar/testing/tar';
import { describe, expect, it, onTestFinished } from 'vitest';
import { inPieces, readFiles } from '../image-stream/testing/check-bytes.ts';
import { engineView } from '../image-stream/testing/handed-on.ts';
import { archiveOf, configOf, hexOf, LAYERS } from '../image-stream/testing/image-archives.ts';
import { type LoadProgress, loadImage, type WantedLoad } from './load-image.ts';

const HEX = hexOf(configOf(LAYERS));
const TAG = `ed_web:${HEX.slice(0, 12)}`;
const DIFF_IDS = LAYERS.map((layer) => `sha256:${hexOf(layer)}`);
const ARCHIVE = archiveOf('docker save of 20');
const { signal } = new AbortController();

interface Behaviour {
  readonly version?: string;
  /** By what an image is asked for: its layers, before anything is loaded. */
  readonly images?: Record<string, readonly string[]>;
  /** Instead of taking the image. */
  readonly onLoad?: (
    request: IncomingMessage,
    response: ServerResponse,
    take: () => Promise<void>,
  ) => unknown;
  /** What it says of an image that it took. */
  readonly layersOf?: (layers: readonly string[]) => readonly string[];
}

/** As much of an engine as loading needs: it takes an image by the documents that name it, as real ones do. */
async function startEngine({
  version = '28.5.2',
  images = {},
  onLoad,
  layersOf = (same) => same,
}: Behaviour = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'engine-'));
  const path = join(folder, 'docker.sock');
  const held = new Map<string, readonly string[]>(Object.entries(images));
  const asked: string[] = [];
  const json = (response: ServerResponse, document: unknown, status = 200) =>
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(document));

  async function take(request: IncomingMessage): Promise<void> {
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece as Buffer);
    const { tags, config } = engineView({ files: await readFiles(Buffer.concat(pieces)) });
    const { rootfs } = JSON.parse(String(config)) as { rootfs: { diff_ids: string[] } };
    for (const tag of tags) held.set(tag, layersOf(rootfs.diff_ids));
  }
  const server = createServer(async (request, response) => {
    const url = request.url ?? '';
    if (url === '/_ping') return response.writeHead(200, { 'Api-Version': '1.41' }).end('OK');
    asked.push(`${request.method} ${url.replace(/^\/v1\.41/, '')}`);
    if (url.endsWith('/version')) return json(response, { Version: version });
    if (url.endsWith('/images/json'))
      return json(
        response,
        [...held.keys()].map((Id) => ({ Id })),
      );
    if (url.includes('/images/load')) {
      try {
        if (onLoad !== undefined) return await onLoad(request, response, () => take(request));
        await take(request);
        return json(response, { stream: `Loaded image: ${TAG}\n` });
      } catch {
        return response.destroy();
      }
    }
    const name = /\/images\/([^/]+?)(?:\/json)?$/.exec(url)?.[1] ?? '';
    const layers = held.get(name);
    if (layers === undefined) return json(response, { message: `No such image: ${name}` }, 404);
    if (request.method === 'DELETE') {
      held.delete(name);
      return json(response, [{ Untagged: name }]);
    }
    return json(response, { Id: `sha256:${HEX}`, RootFS: { Type: 'layers', Layers: layers } });
  }).listen(path);
  await once(server, 'listening');
  onTestFinished(async () => {
    server.closeAllConnections();
    if (server.listening) await new Promise((closed) => server.close(closed));
    await rm(folder, { recursive: true, force: true });
  });
  const client = createEngineClient({ kind: 'unix', path });
  const load = (source: AsyncIterable<Uint8Array>, more: Partial<WantedLoad> = {}) =>
    loadImage(client, source, {
      repository: 'ed_web',
      platform: { os: 'linux', architecture: 'amd64' },
      maxBytes: 2 ** 30,
      signal,
      ...more,
    });
  return { load, client, asked, held, server };
}

describe('loadImage', () => {
  it('gives an image its tag, and tells what the engine has', async () => {
    const { load, asked, held } = await startEngine();
    expect(await load(inPieces(ARCHIVE))).toMatchObject({
      id: `sha256:${HEX}`,
      tag: TAG,
      diffIds: DIFF_IDS,
      configDigest: { algorithm: 'sha256', hex: HEX },
    });
    expect(asked).toEqual([
      'GET /version',
      'POST /images/load?quiet=0',
      `GET /images/${TAG}/json`,
      `GET /images/${TAG}/json`,
    ]);
    expect([...held.keys()]).toEqual([TAG]);
  });

  it('tells how far it is', async () => {
    const { client } = await startEngine();
    const told: LoadProgress[] = [];
    let sentBytes = 0;
    await loadImage(
      client,
      inPieces(ARCHIVE, 1000),
      { repository: 'ed_web', platform: { os: 'linux', architecture: 'amd64' }, maxBytes: 2 ** 30, signal },
      (progress) => {
        expect(progress.sentBytes).toBeGreaterThanOrEqual(sentBytes);
        sentBytes = progress.sentBytes;
        told.push(progress);
      },
    );
    expect(told[0]).toMatchObject({ layers: 0, isChecked: false });
    expect(told.at(-1)).toEqual({ sentBytes, layers: LAYERS.length, isChecked: true });
    expect(sentBytes).toBeGreaterThan(LAYERS.reduce((sum, { length }) => sum + length, 0));
  });

  it('layers that the engine has take no more room', async () => {
    const layer = LAYERS[1] ?? Buffer.alloc(0);
    const bytes = archiveOf('docker save of 20', { layers: [layer], layerEncoding: 'gzip' });
    const freeBytes = layer.length;
    const { load: full } = await startEngine();
    await expect(full(inPieces(bytes), { freeBytes })).rejects.toMatchObject({ code: 'NO_SPACE' });
    const { load } = await startEngine({ images: { other: [`sha256:${hexOf(layer)}`] } });
    expect((await load(inPieces(bytes), { freeBytes })).diffIds).toHaveLength(1);
  });

  it('an engine of old is not sent layers of zstd', async () => {
    const bytes = archiveOf('docker save of 20', { layerEncoding: 'zstd' });
    const { load, held } = await startEngine({ version: '20.10.24+dfsg1' });
    await expect(load(inPieces(bytes))).rejects.toMatchObject({ code: 'ARCHIVE_ENCODING' });
    expect(held.size).toBe(0);
  });

  it('a repository that is none is refused before anything is asked', async () => {
    const { load, asked } = await startEngine();
    await expect(load(inPieces(ARCHIVE), { repository: 'Web' })).rejects.toMatchObject({
      code: 'CONFIGURATION_INVALID',
    });
    expect(asked).toEqual([]);
  });
});

describe('what fails leaves nothing', () => {
  const failureOf =
    (line: object) => async (_request: unknown, response: ServerResponse, take: () => Promise<void>) => {
      await take();
      response.writeHead(200, { 'content-type': 'application/json' });
      response.write('{"status":"Loading layer","progressDetail":{"current":1}}\n{"str');
      response.end(`eam":"x"}\n${JSON.stringify(line)}\n`);
    };
  const NO_SPACE = 'Error processing tar file: write /x: no space left on device';
  it.each([
    [
      { errorDetail: { message: 'unexpected EOF' }, error: 'unexpected EOF' },
      'ENGINE_REFUSED',
      /does not take the image: unexpected EOF/,
    ],
    [{ error: 'invalid tar header' }, 'ENGINE_REFUSED', /invalid tar header/],
    [{ errorDetail: { message: NO_SPACE } }, 'ENGINE_NO_SPACE', /no room.*no space left/],
    [{ stream: 'Error unpacking image ed_web: failed to extract layer' }, 'ENGINE_REFUSED', /unpacking/],
  ])('%j behind a status of 200', async (line, code, message) => {
    const { load, held } = await startEngine({ onLoad: failureOf(line) });
    await expect(load(inPieces(ARCHIVE))).rejects.toMatchObject({
      name: 'LoadImageError',
      code,
      message: expect.stringMatching(message),
    });
    expect(held.size).toBe(0);
  });

  it('an image that was there before stays', async () => {
    const { load, held } = await startEngine({
      images: { [TAG]: DIFF_IDS },
      onLoad: failureOf({ error: 'x' }),
    });
    await expect(load(inPieces(ARCHIVE))).rejects.toMatchObject({ code: 'ENGINE_REFUSED' });
    expect([...held.keys()]).toEqual([TAG]);
  });

  it.each([
    [500, 'write /var/lib/docker/tmp/x: no space left on device', 'ENGINE_NO_SPACE'],
    [500, 'something else', 'ENGINE_REFUSED'],
    [403, 'not allowed', 'ENGINE_REFUSED'],
  ])('a status of %d: %s', async (status, message, code) => {
    const { load } = await startEngine({
      onLoad: (_request, response) =>
        response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ message })),
    });
    await expect(load(inPieces(ARCHIVE))).rejects.toMatchObject({ code });
  });

  it('an engine that has other layers in the end', async () => {
    const { load, held } = await startEngine({ layersOf: (layers) => layers.slice(1) });
    await expect(load(inPieces(ARCHIVE))).rejects.toMatchObject({ code: 'IMAGE_DIFFERS' });
    expect(held.size).toBe(0);
  });

  it('an engine that took it, and has it not', async () => {
    const { load } = await startEngine({
      onLoad: (request, response) => request.resume().on('end', () => response.end()),
    });
    await expect(load(inPieces(ARCHIVE))).rejects.toMatchObject({
      code: 'IMAGE_DIFFERS',
      message: expect.stringMatching(/none of the name/),
    });
  });

  it('an engine that answers before all has come, and hears no more', async () => {
    const { load } = await startEngine({
      onLoad: (_request, response) =>
        response.writeHead(200, { connection: 'close' }).end('{"stream":"x"}\n'),
    });
    async function* endless() {
      yield tarHeader({ name: 'layer.tar', sizeField: octal(2 ** 32) });
      for (;;) yield Buffer.alloc(65_536);
    }
    await expect(load(endless(), { maxBytes: 2 ** 40 })).rejects.toMatchObject({ code: 'ENGINE_REFUSED' });
  });

  it('an engine that dies while it is sent to, or while it answers', async () => {
    const atOnce = await startEngine({
      onLoad: (request) => request.once('data', () => request.destroy()),
    });
    await expect(atOnce.load(inPieces(ARCHIVE, 512))).rejects.toMatchObject({
      code: 'ENGINE_AWAY',
      retryable: true,
    });
    const late = await startEngine({
      async onLoad(_request, response, take) {
        await take();
        response.write('{"stream":');
        setImmediate(() => response.destroy());
      },
    });
    await expect(late.load(inPieces(ARCHIVE))).rejects.toMatchObject({ code: 'ENGINE_AWAY' });
    expect(late.held.size).toBe(0);
  });

  it('no engine at all', async () => {
    const { load, server } = await startEngine();
    await new Promise((closed) => server.close(closed));
    await expect(load(inPieces(ARCHIVE))).rejects.toMatchObject({ code: 'ENGINE_AWAY' });
  });

  it('an archive that is not right, told rather than what the engine makes of its end', async () => {
    const { load, held } = await startEngine();
    await expect(load(inPieces(ARCHIVE.subarray(0, 5000)))).rejects.toMatchObject({
      code: 'ARCHIVE_CUT_OFF',
    });
    expect(held.size).toBe(0);
  });

  it('an archive that is not right, of which the engine began to answer', async () => {
    const { load } = await startEngine({
      async onLoad(request, response) {
        response.writeHead(200);
        response.write('{"status":"Loading"}\n');
        for await (const _piece of request);
      },
    });
    await expect(load(inPieces(ARCHIVE.subarray(0, 5000), 512))).rejects.toMatchObject({
      code: 'ARCHIVE_CUT_OFF',
    });
  });

  it('what the source throws is thrown', async () => {
    const { load } = await startEngine();
    async function* broken() {
      yield ARCHIVE.subarray(0, 3000);
      throw new RangeError('the client went away');
    }
    await expect(load(broken())).rejects.toThrow(new RangeError('the client went away'));
  });

  it('a signal before all has come', async () => {
    const ending = new AbortController();
    const { load, held } = await startEngine({
      onLoad: (request) => request.once('data', () => ending.abort(new RangeError('enough'))),
    });
    async function* endless() {
      yield ARCHIVE.subarray(0, 10_240);
      await new Promise(() => undefined);
    }
    await expect(load(endless(), { signal: ending.signal })).rejects.toThrow(new RangeError('enough'));
    expect(held.size).toBe(0);
  });

  it('a signal after: the engine is waited for, and what it took is removed', async () => {
    const ending = new AbortController();
    const { load, held, asked } = await startEngine({
      async onLoad(_request, response, take) {
        await take();
        expect(held.size).toBe(1);
        ending.abort(new RangeError('enough'));
        response.end('{"stream":"Loaded"}\n');
      },
    });
    await expect(load(inPieces(ARCHIVE), { signal: ending.signal })).rejects.toThrow(
      new RangeError('enough'),
    );
    expect(held.size).toBe(0);
    expect(asked.at(-1)).toBe(`DELETE /images/${TAG}`);
  });
});
