// SPDX-License-Identifier: Apache-2.0
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { createLab } from '../lab/lab.ts';
import { startDatastore } from '../lab/programs.ts';
import { createServiceAgent, treeOf } from '../lab/service-agent.ts';
import { alternate, spreadOf } from './measure.ts';
import { formatSpread, formatTable } from './table.ts';

/** Of one agent, one after another. */
const LOOKUPS = 5;
/** RFC 6762 §6: a record is not multicast again before a second is over. */
const REPEAT_LIMIT_MS = 1100;
const POLL_MS = 20;
const LIMIT_MS = 60_000;

const contentOf = (number: number) => Buffer.from(`content ${number}`);

/** @returns of each download in a log, the milliseconds from its beginning until the datastore's address was known */
function lookupsIn(log: string): number[] {
  const times = (message: string) =>
    log
      .split('\n')
      .filter((line) => line.includes(`"msg":"${message}"`))
      .map((line) => Date.parse((JSON.parse(line) as { readonly time: string }).time));
  const located = times('asking the datastore');
  return times('download started').map((startedMs, index) => (located[index] ?? Number.NaN) - startedMs);
}

/**
 * How long a service takes to find a datastore by multicast DNS: one whose network is a process of its own, and one that is
 * one process. The first lookup of each, in which it starts, does not count.
 */
export async function benchSeparatedLookups(rounds: number): Promise<string> {
  const work = await mkdtemp(join(tmpdir(), 'bench-lookups-'));
  const images = join(work, 'root', 'images');
  await mkdir(images, { recursive: true });
  const trees = await Promise.all(
    Array.from({ length: LOOKUPS + 1 }, async (_, number) => {
      await writeFile(join(images, `${number}.img`), contentOf(number));
      return treeOf(number + 1, `${number}.img`, contentOf(number));
    }),
  );
  const lab = await createLab();
  try {
    await lab.addBridge('bn1', '10.1.0.1/24');
    const app = await lab.addApp({ name: 'ds', bridge: 'bn1', address: '10.1.0.5/24' });
    const place = ['--root', join(work, 'root'), '--state', join(work, 'ds-state')];
    await startDatastore(app, [...place, '--host-name', 'ds']);

    async function lookUp(...args: string[]): Promise<number[]> {
      const agent = await createServiceAgent(lab, work);
      async function waitForTree(number: number): Promise<void> {
        const deadlineMs = performance.now() + LIMIT_MS;
        while ((await agent.statusOf(number)).State !== 'VERIFIED') {
          if (performance.now() > deadlineMs) throw new Error(`tree ${number} did not come: ${agent.log()}`);
          await wait(POLL_MS);
        }
      }
      try {
        await agent.configure([]);
        await agent.start(...args);
        for (const number of trees.keys()) {
          await agent.configure(trees.slice(0, number + 1));
          await waitForTree(number + 1);
          await wait(REPEAT_LIMIT_MS);
        }
        return lookupsIn(agent.log()).slice(1);
      } finally {
        await agent.end('SIGKILL');
      }
    }

    const samples = await alternate(
      [
        ['one process', () => lookUp('--no-separation')],
        ['separated', () => lookUp('--separation')],
      ],
      rounds,
    );
    const rows = [...samples].map(([name, groups]) => [name, formatSpread(spreadOf(groups.flat()), 1)]);
    return `A service that looks up a datastore on \`.local\`:\n\n${formatTable(['', 'ms'], rows)}`;
  } finally {
    await lab.stop();
    await rm(work, { recursive: true, force: true });
  }
}
