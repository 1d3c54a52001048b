// SPDX-License-Identifier: Apache-2.0
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { apacheConfiguration, nginxConfiguration } from '../lab/web-servers.ts';

/** A web server of the comparison. */
export interface Peer {
  readonly name: string;
  readonly url: string;
  readonly pid: number;
  stop(): Promise<void>;
}

/** How to start a web server on a port. */
export interface PeerDescription {
  readonly name: string;
  command(port: number, root: string, work: string): Promise<readonly string[]>;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

const START_LIMIT_MS = 60_000;
const START_POLL_MS = 50;

async function waitUntilServing(url: string, child: ChildProcess): Promise<void> {
  const deadlineMs = performance.now() + START_LIMIT_MS;
  while (child.exitCode === null && performance.now() < deadlineMs) {
    try {
      await (await fetch(url, { method: 'HEAD' })).arrayBuffer();
      return;
    } catch {
      await delay(START_POLL_MS);
    }
  }
  throw new Error(`${child.spawnargs.join(' ')} does not serve`);
}

export async function startPeer(description: PeerDescription, root: string, work: string): Promise<Peer> {
  const port = await freePort();
  const place = join(work, description.name.replaceAll(/\W+/g, '-'));
  await mkdir(place, { recursive: true });
  const [program = '', ...rest] = await description.command(port, root, place);
  const child = spawn(program, rest, { stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.on('data', (bytes) => {
    stderr = (stderr + bytes).slice(-4000);
  });
  const url = `http://127.0.0.1:${port}`;
  try {
    await waitUntilServing(url, child);
  } catch (error) {
    child.kill('SIGKILL');
    throw new Error(`${description.name}: ${stderr || error}`);
  }
  return {
    name: description.name,
    url,
    pid: child.pid as number,
    async stop() {
      if (child.exitCode !== null) return;
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
    },
  };
}

/** The datastore as it is deployed: bundled, without mDNS, which has nothing to do here. */
export const datastore: PeerDescription = {
  name: 'datastore-app',
  command: async (port, root, work) => [
    process.execPath,
    'dist/datastore-app/main.js',
    'serve',
    ...['--root', root, '--state', join(work, 'state'), '--port', String(port)],
    ...['--advertise', 'none', '--log-level', 'warn'],
  ],
};

export const nginx = (sendfile: 'on' | 'off'): PeerDescription => ({
  name: `nginx, sendfile ${sendfile}`,
  async command(port, root, work) {
    const configuration = nginxConfiguration({ listen: `127.0.0.1:${port}`, root, work, sendfile });
    await writeFile(join(work, 'nginx.conf'), configuration);
    return ['/usr/sbin/nginx', '-c', join(work, 'nginx.conf')];
  },
});

export const apache: PeerDescription = {
  name: 'Apache',
  async command(port, root, work) {
    const configuration = apacheConfiguration({ listen: `127.0.0.1:${port}`, root, work });
    await writeFile(join(work, 'apache.conf'), configuration);
    return ['/usr/sbin/apache2', '-DFOREGROUND', '-f', join(work, 'apache.conf')];
  },
};

/** What one writes without knowing better. */
export const stockServeStatic: PeerDescription = {
  name: 'Express, serve-static',
  command: async (port, root) => [process.execPath, 'test/bench/stock-serve-static.ts', root, String(port)],
};
