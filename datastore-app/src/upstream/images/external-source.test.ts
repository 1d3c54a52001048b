// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createExternalSource } from './external-source.ts';
import type { ListedFile } from './listed-file.ts';
import { type FileServer, sha256Of, startFileServer } from './testing/file-server.ts';

const CONTENT = Buffer.from('content');
const signal = AbortSignal.timeout(60_000);

let folder: string;
let server: FileServer;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'external-'));
  server = await startFileServer();
  server.files.set('/a.img', CONTENT);
  server.files.set('/b.img', CONTENT);
});
afterEach(async () => {
  await server.stop();
  await rm(folder, { recursive: true });
});

/** The first entry of a manifest, which is read by it. */
async function read(url: string): Promise<string> {
  const file = join(folder, 'external.json');
  const entry = { path: 'a.img', sizeBytes: CONTENT.length, sha256: sha256Of(CONTENT), url };
  await writeFile(file, JSON.stringify({ version: 1, images: [entry] }));
  const source = createExternalSource({ file, ca: undefined, hosts: new Set() }, async () => '127.0.0.1');
  try {
    const list = await source.readList(signal);
    const { content } = await source.open(list?.files[0] as ListedFile, 0, signal);
    const pieces: Uint8Array[] = [];
    for await (const piece of content) pieces.push(piece);
    return Buffer.concat(pieces).toString();
  } finally {
    source.close();
  }
}

it('reads from wherever the manifest says', async () => {
  const { port } = new URL(server.origin);
  for (const host of ['127.0.0.1', 'localhost', 'store.local']) {
    expect(await read(`http://${host}:${port}/a.img`)).toBe('content');
  }
});

it('is not led to this machine by a store that does not stand on it', async () => {
  const { port } = new URL(server.origin);
  const lead = () =>
    server.answers.push((_request, response) =>
      response.writeHead(302, { location: `http://127.0.0.1:${port}/b.img` }).end(),
    );
  lead();
  await expect(read(`http://store.local:${port}/a.img`)).rejects.toMatchObject({ code: 'DENIED' });
  lead();
  expect(await read(`http://localhost:${port}/a.img`)).toBe('content');
  expect(server.requests).toEqual(['GET /a.img', 'GET /a.img', 'GET /b.img']);
});
