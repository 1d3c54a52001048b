// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { expect, it } from 'vitest';
import { openFlow } from '../eve-agent/src/network/open-flow.ts';
import type * as proxyDispatcher from '../eve-agent/src/transfer/proxy-dispatcher.ts';
import { BUNDLE_OPTIONS, workspace } from './program-bundle.ts';

it('holds of undici what opens a tunnel through a proxy', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'program-bundle-'));
  const outfile = join(folder, 'proxy-dispatcher.mjs');
  const server = createServer();
  const asked: string[] = [];
  server.on('connect', (request, socket) => {
    asked.push(request.url ?? '');
    socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    const entry = join(workspace, 'eve-agent/src/transfer/proxy-dispatcher.ts');
    const banner = {
      js: "import { createRequire } from 'node:module';const require = createRequire(import.meta.url);",
    };
    await build({ ...BUNDLE_OPTIONS, format: 'esm', entryPoints: [entry], outfile, banner });
    const { ProxyDispatcher } = (await import(outfile)) as typeof proxyDispatcher;
    const proxy = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    const dispatcher = new ProxyDispatcher({ openFlow, proxy, ca: null, connectTimeoutMs: 60_000 });
    const failed = Promise.withResolvers<Error>();
    const request = { origin: 'https://far.example', path: '/', method: 'GET' } as const;
    dispatcher.dispatch(request, {
      onRequestStart() {},
      onResponseStart() {},
      onResponseData() {},
      onResponseEnd() {},
      onResponseError: (_, error) => failed.resolve(error),
    });
    expect((await failed.promise).message).toContain('502');
    expect(asked).toEqual(['far.example:443']);
    await dispatcher.destroy();
  } finally {
    server.close();
    await rm(folder, { recursive: true });
  }
});
