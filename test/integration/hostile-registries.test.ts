// SPDX-License-Identifier: Apache-2.0
/** What registries do wrong, and what comes of it: nothing wrong is named, and what is good is kept. */
import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { finish } from '../lab/namespace.ts';
import { eveAgent } from '../lab/programs.ts';
import {
  type Answer,
  type HostileRegistry,
  send,
  sendStart,
  startHostileRegistry,
} from './hostile-registry.ts';

const LAYER_BYTES = 3 * 1024 * 1024;
let registry: HostileRegistry;
let folder: string;
beforeEach(async () => {
  registry = await startHostileRegistry(LAYER_BYTES);
  folder = await mkdtemp(join(tmpdir(), 'hostile-registry-'));
});
afterEach(async () => {
  await registry.close();
  await rm(folder, { recursive: true });
});

function pull(...args: readonly string[]) {
  const reference = `docker://${registry.host}/a:1`;
  const [program = '', ...rest] = eveAgent('download', reference, '-o', join(folder, 'a'), '--json', ...args);
  return finish(spawn(program, rest, { stdio: ['ignore', 'pipe', 'pipe'] }));
}
const errorOf = (stderr: string) => JSON.parse(stderr.trim().split('\n').at(-1) ?? '{}').error;
const blobs = async () => (await readdir(join(folder, 'a', 'blobs', 'sha256'))).sort();
/** Sends so much of what should come, and is gone. */
const cutAfter =
  (byteCount: number): Answer =>
  async (request, response) => {
    await sendStart(request, response, registry.layer.bytes, byteCount);
    response.destroy();
  };

it('gives a good image to who asks, as a check of the others', async () => {
  const { exitCode, stdout } = await pull();
  expect([exitCode, JSON.parse(stdout)]).toMatchObject([0, { blobs: 2, presentBytes: 0 }]);
  expect(await readFile(join(folder, 'a', 'blobs', 'sha256', registry.layer.hex))).toEqual(
    registry.layer.bytes,
  );
});

describe('a layer', () => {
  it.each<[string, Answer, number, string]>([
    [
      'with a flipped bit',
      (request, response) => {
        const bytes = Buffer.from(registry.layer.bytes);
        bytes[1000] = (bytes[1000] ?? 0) ^ 1;
        send(request, response, bytes);
      },
      5,
      'DIGEST_MISMATCH',
    ],
    [
      'that is longer than it should be',
      (request, response) => {
        send(request, response, Buffer.concat([registry.layer.bytes, Buffer.from('!')]));
      },
      5,
      'SIZE_MISMATCH',
    ],
    [
      'that is shorter than it should be',
      (request, response) => {
        send(request, response, registry.layer.bytes.subarray(1));
      },
      5,
      'SIZE_MISMATCH',
    ],
    [
      'without end',
      (_request, response) => {
        const more = () => {
          while (!response.destroyed && response.write(registry.layer.bytes));
        };
        response.writeHead(200).on('drain', more);
        more();
      },
      5,
      'SIZE_MISMATCH',
    ],
    ['that is not there', (_request, response) => response.writeHead(404).end(), 4, 'HTTP_STATUS'],
    [
      'that leads to a file',
      (_request, response) => response.writeHead(307, { location: 'file:///etc/passwd' }).end(),
      4,
      'REDIRECT_REFUSED',
    ],
    ['that is cut each time', cutAfter(0), 4, 'CONNECTION_LOST'],
  ])('%s is refused', async (_title, answer, exitCode, code) => {
    registry.onPath(registry.layer.path, answer);
    const refused = await pull('--retries', '1');
    expect([refused.exitCode, errorOf(refused.stderr).code]).toEqual([exitCode, code]);
    expect(await blobs()).not.toContain(registry.layer.hex);
    await expect(readFile(join(folder, 'a', 'index.json'))).rejects.toMatchObject({ code: 'ENOENT' });
    registry.onPath(registry.layer.path, undefined);
    expect((await pull()).exitCode).toBe(0);
  });

  it('that was cut is gone on with by the next call', async () => {
    registry.onPath(registry.layer.path, cutAfter(2 * 1024 * 1024));
    expect((await pull('--retries', '0')).exitCode).toBe(4);
    registry.onPath(registry.layer.path, undefined);
    const { stdout } = await pull();
    const { resumedFromBytes, receivedBytes } = JSON.parse(stdout);
    expect(resumedFromBytes).toBeGreaterThan(0);
    expect(resumedFromBytes + receivedBytes).toBe(LAYER_BYTES);
  });

  it('elsewhere is fetched there, without the credential', async () => {
    const store = await startHostileRegistry(1);
    try {
      store.onPath('/signed', (request, response) => send(request, response, registry.layer.bytes));
      registry.onPath(registry.layer.path, (_request, response) =>
        response.writeHead(307, { location: `http://${store.host}/signed` }).end(),
      );
      expect(await pull('--auth', 'Bearer mine')).toMatchObject({ exitCode: 0 });
      expect(registry.requests).toContain(`GET ${registry.layer.path} Bearer mine`);
      expect(store.requests).toEqual(['GET /signed']);
    } finally {
      await store.close();
    }
  });
});

describe('a registry that wants tokens', () => {
  const tokenOf = ({ headers }: IncomingMessage) => /^Bearer t(\d+)$/.exec(headers.authorization ?? '')?.[1];
  /** @param isGood whether a token, by its number, is taken for a path */
  function wantTokens(isGood: (token: number, path: string) => boolean): void {
    let given = 0;
    registry.onRequest((request, response) => {
      const path = request.url ?? '';
      if (path.startsWith('/token')) {
        given += 1;
        response.end(JSON.stringify({ token: `t${given}` }));
        return true;
      }
      if (isGood(Number(tokenOf(request) ?? 0), path)) return false;
      const challenge = `Bearer realm="http://${registry.host}/token",service="s",scope="repository:a:pull"`;
      response.writeHead(401, { 'www-authenticate': challenge }).end();
      return true;
    });
  }
  const tokenRequests = () => registry.requests.filter((request) => request.startsWith('GET /token'));

  it('is asked with one token for all', async () => {
    wantTokens((token) => token > 0);
    expect(await pull()).toMatchObject({ exitCode: 0 });
    expect(tokenRequests()).toEqual(['GET /token?service=s&scope=repository%3Aa%3Apull']);
  });

  it('and ends one in the middle of a layer is asked with another, from there', async () => {
    let isCut = false;
    wantTokens((token, path) => token > (isCut && path === registry.layer.path ? 1 : 0));
    registry.onPath(registry.layer.path, (request, response) => {
      if (isCut) send(request, response, registry.layer.bytes);
      else {
        isCut = true;
        cutAfter(2 * 1024 * 1024)(request, response);
      }
    });
    const { exitCode, stdout } = await pull();
    expect([exitCode, JSON.parse(stdout).receivedBytes]).toEqual([0, LAYER_BYTES + 37]);
    expect(tokenRequests()).toHaveLength(2);
  });

  it.each<[string, (path: string) => boolean]>([
    ['everything', () => true],
    ['its layers', (path) => path === registry.layer.path],
  ])('and refuses each for %s is given up', async (_title, isRefused) => {
    wantTokens((token, path) => token > 0 && !isRefused(path));
    const refused = await pull('--retries', '1');
    expect([refused.exitCode, registry.requests.length < 20]).toEqual([4, true]);
  });
});
