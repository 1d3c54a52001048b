// SPDX-License-Identifier: Apache-2.0
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { createAuthority } from '../lab/authorities.ts';
import { type AgentFolder, createAgentFolder } from '../lab/loopback-agent.ts';
import { uuidOf } from '../lab/service-agent.ts';
import { alternate, familyOf, ratioOf, spreadOf, usageOf } from './measure.ts';
import { formatSpread, formatTable } from './table.ts';

/** Sent over and over, so that the server costs little. */
const PIECE = randomBytes(1024 * 1024);
const PIECES = 256;
const LARGE_BYTES = PIECE.length * PIECES;
const POLL_MS = 20;
const LIMIT_MS = 600_000;

const WAYS = ['plain', 'chunked', 'TLS'] as const;
type Way = (typeof WAYS)[number];

interface Downloaded {
  readonly wallSeconds: number;
  /** Of the agent and its processes, from the order to the verified file. */
  readonly cpuSeconds: number;
  /** What they have for themselves then, and their part of what they share. */
  readonly memoryMiB: number;
}

const answer: RequestListener = (request, response) => {
  const isSmall = request.url?.endsWith('/small') === true;
  if (request.url?.startsWith('/chunked') !== true) {
    response.setHeader('content-length', isSmall ? PIECE.length : LARGE_BYTES);
  }
  const pieces = Array.from({ length: isSmall ? 1 : PIECES }, () => PIECE);
  // A client that leaves in the middle is its own affair.
  pipeline(Readable.from(pieces, { objectMode: true, highWaterMark: 2 }), response).catch(() => {});
};

function sha256Of(pieces: number): string {
  const hash = createHash('sha256');
  for (let i = 0; i < pieces; i += 1) hash.update(PIECE);
  return hash.digest('hex');
}

/** proc(5), smaps_rollup. */
function proportionalMiB(pid: number): number {
  return familyOf(pid).reduce((sum, member) => {
    const text = readFileSync(`/proc/${member}/smaps_rollup`, 'utf8');
    return sum + Number(/^Pss:\s+(\d+) kB$/m.exec(text)?.[1] ?? 0) / 1024;
  }, 0);
}

async function waitUntilVerified(agent: AgentFolder, uuid: string): Promise<void> {
  const deadlineMs = performance.now() + LIMIT_MS;
  while (performance.now() < deadlineMs) {
    if ((await agent.statusOf(uuid)).State === 'VERIFIED') return;
    await wait(POLL_MS);
  }
  throw new Error(`it was not downloaded: ${agent.log().slice(-2000)}`);
}

/**
 * Service downloads of 256 MiB to memory by an agent whose network is a process of its own, and by one that is one
 * process. Each has started, and downloaded something small, before it is measured.
 */
export async function benchSeparation(memory: string, rounds: number): Promise<string> {
  const authority = await createAuthority(memory, 'bench');
  const pair = await authority.issue('server', 'IP:127.0.0.1');
  const [cert, key] = await Promise.all([readFile(pair.certificate), readFile(pair.key)]);
  const servers = [createServer(answer), createTlsServer({ cert, key }, answer)] as const;
  const ports = await Promise.all(
    servers.map(async (server) => {
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      return (server.address() as AddressInfo).port;
    }),
  );
  const caPem = (await readFile(authority.certificate)).toString('base64');
  const [small, large] = [sha256Of(1), sha256Of(PIECES)];

  async function download(way: Way, ...args: readonly string[]): Promise<Downloaded> {
    const agent = await createAgentFolder({}, memory);
    const isTls = way === 'TLS';
    const id = uuidOf(0);
    const tree = (number: number, name: string, sha256: string, bytes: number) => ({
      ...{ uuid: uuidOf(number), dsIdsList: [id], URL: name, iformat: 'RAW', sha256 },
      ...{ maxSizeBytes: String(bytes), displayName: name },
    });
    const datastore = {
      ...{ id, dType: isTls ? 'DsHttps' : 'DsHttp', dpath: way },
      fqdn: `${isTls ? 'https' : 'http'}://127.0.0.1:${ports[isTls ? 1 : 0]}`,
      ...(isTls && { dsCertPEM: [caPem] }),
    };
    const first = tree(1, 'small', small, PIECE.length);
    try {
      await agent.configure({ datastores: [datastore], contentInfo: [first] });
      await agent.start(...args);
      await waitUntilVerified(agent, first.uuid);
      const before = usageOf(agent.pid());
      const startedMs = performance.now();
      const second = tree(2, 'large', large, LARGE_BYTES);
      await agent.configure({ datastores: [datastore], contentInfo: [first, second] });
      await waitUntilVerified(agent, second.uuid);
      return {
        wallSeconds: (performance.now() - startedMs) / 1000,
        cpuSeconds: usageOf(agent.pid()).cpuSeconds - before.cpuSeconds,
        memoryMiB: proportionalMiB(agent.pid()),
      };
    } finally {
      await agent.remove();
    }
  }

  try {
    const contenders = WAYS.flatMap((way) => [
      [`${way}, one process`, () => download(way, '--no-separation')] as const,
      [`${way}, separated`, () => download(way, '--separation')] as const,
    ]);
    const samples = await alternate(contenders, rounds);
    const rows = WAYS.map((way) => {
      const one = samples.get(`${way}, one process`) ?? [];
      const separated = samples.get(`${way}, separated`) ?? [];
      const median = (of: Downloaded[], figure: (sample: Downloaded) => number) =>
        spreadOf(of.map(figure)).median;
      return [
        way,
        ...[one, separated].map((each) => formatSpread(spreadOf(each.map(({ cpuSeconds }) => cpuSeconds)))),
        formatSpread(ratioOf(separated, one, ({ cpuSeconds }) => cpuSeconds)),
        formatSpread(ratioOf(separated, one, ({ wallSeconds }) => wallSeconds)),
        (median(separated, ({ memoryMiB }) => memoryMiB) - median(one, ({ memoryMiB }) => memoryMiB)).toFixed(
          0,
        ),
      ];
    });
    const header = ['256 MiB', 'one process CPU s', 'separated CPU s', 'CPU', 'wall', 'more MiB (Pss)'];
    return `A service download to memory, separated ÷ one process:\n\n${formatTable(header, rows)}`;
  } finally {
    for (const server of servers) {
      server.closeAllConnections();
      server.close();
    }
  }
}
