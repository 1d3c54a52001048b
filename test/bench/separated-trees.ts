// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { createAgentFolder } from '../lab/loopback-agent.ts';
import { uuidOf } from '../lab/service-agent.ts';
import { alternate, ratioOf, spreadOf, usageOf } from './measure.ts';
import { formatSpread, formatTable } from './table.ts';

const TREES = 1000;
const POLL_MS = 20;
const LIMIT_MS = 600_000;

interface Started {
  /** From the start of the program to the first file that was downloaded. */
  readonly firstSeconds: number;
  /** From the order of all trees to the last file, and what that took. */
  readonly restSeconds: number;
  readonly restCpuSeconds: number;
}

const contentOf = (number: number) => `content of tree ${number}`.padEnd(1024, '.');

/**
 * How soon an agent has its first file, whose network is a process of its own, and one that is one process; and how long
 * they take for very many small trees.
 */
export async function benchSeparatedTrees(memory: string, rounds: number): Promise<string> {
  const server = createServer((request, response) => {
    response.end(contentOf(Number(request.url?.slice(1))));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const id = uuidOf(0);
  const datastores = [{ id, dType: 'DsHttp', fqdn: `http://127.0.0.1:${port}`, dpath: '' }];
  const contentInfo = Array.from({ length: TREES }, (_, index) => ({
    ...{ uuid: uuidOf(index + 1), dsIdsList: [id], URL: String(index), iformat: 'RAW' },
    sha256: createHash('sha256').update(contentOf(index)).digest('hex'),
    ...{ maxSizeBytes: String(contentOf(index).length), displayName: `tree-${index}` },
  }));

  async function start(...args: readonly string[]): Promise<Started> {
    const agent = await createAgentFolder({}, memory);
    async function waitForFiles(count: number): Promise<number> {
      const startedMs = performance.now();
      while (performance.now() - startedMs < LIMIT_MS) {
        const found = await readdir(join(agent.state, 'images')).catch(() => []);
        if (found.length >= count) return performance.now();
        await wait(POLL_MS);
      }
      throw new Error(`there are not ${count} files: ${agent.log().slice(-2000)}`);
    }
    try {
      await agent.configure({ datastores, contentInfo: contentInfo.slice(0, 1) });
      const startedMs = performance.now();
      await agent.start(...args);
      const firstMs = await waitForFiles(1);
      const before = usageOf(agent.pid());
      const orderedMs = performance.now();
      await agent.configure({ datastores, contentInfo });
      const lastMs = await waitForFiles(TREES);
      return {
        firstSeconds: (firstMs - startedMs) / 1000,
        restSeconds: (lastMs - orderedMs) / 1000,
        restCpuSeconds: usageOf(agent.pid()).cpuSeconds - before.cpuSeconds,
      };
    } finally {
      await agent.remove();
    }
  }

  try {
    const samples = await alternate(
      [
        ['one process', () => start('--no-separation')],
        ['separated', () => start('--separation')],
      ],
      rounds,
    );
    const one = samples.get('one process') ?? [];
    const separated = samples.get('separated') ?? [];
    const figures: readonly (readonly [string, (sample: Started) => number])[] = [
      ['start to the first file, s', ({ firstSeconds }) => firstSeconds],
      [`${TREES} trees of 1 KiB, s`, ({ restSeconds }) => restSeconds],
      [`${TREES} trees of 1 KiB, CPU s`, ({ restCpuSeconds }) => restCpuSeconds],
    ];
    const rows = figures.map(([title, figure]) => [
      title,
      ...[one, separated].map((each) => formatSpread(spreadOf(each.map(figure)))),
      formatSpread(ratioOf(separated, one, figure)),
    ]);
    return `A service that starts, and has many trees:\n\n${formatTable(['', 'one process', 'separated', 'separated ÷ one'], rows)}`;
  } finally {
    server.closeAllConnections();
    server.close();
  }
}
