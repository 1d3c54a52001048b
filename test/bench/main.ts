// SPDX-License-Identifier: Apache-2.0
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { cpus, freemem, release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { benchDeployments } from './deployments.ts';
import { benchFetch } from './fetch.ts';
import { benchLoad } from './load.ts';
import { run } from './measure.ts';
import { benchPublish } from './publish.ts';
import { benchPull } from './pull.ts';
import { benchRegistry } from './registry.ts';
import { benchRepositories } from './repositories.ts';
import { benchResolve } from './resolve.ts';
import { benchSeparatedLookups } from './separated-lookups.ts';
import { benchSeparatedTrees } from './separated-trees.ts';
import { benchSeparation } from './separation.ts';
import { benchServe } from './serve.ts';
import { benchSwitch } from './switch.ts';

const IMAGE_BYTES = 1 << 30;
const DEFAULT_ROUNDS = 5;

interface Places {
  /** On the disk. */
  readonly work: string;
  readonly memory: string;
}

/** What each suite measures, as tables. */
const suites: Readonly<Record<string, (places: Places, rounds: number) => Promise<string>>> = {
  serve: ({ work }, count) => benchServe(work, count),
  fetch: ({ work, memory }, count) => benchFetch(work, memory, count),
  pull: ({ work, memory }, count) => benchPull(work, memory, count),
  load: ({ work }, count) => benchLoad(work, count),
  registry: ({ work, memory }, count) => benchRegistry(work, memory, count),
  repositories: ({ work }, count) => benchRepositories(work, count),
  resolve: (_places, count) => benchResolve(count),
  publish: ({ work }, count) => benchPublish(work, count),
  switch: (_places, count) => benchSwitch(count),
  separation: async ({ memory }, count) =>
    [
      await benchSeparation(memory, count),
      await benchSeparatedTrees(memory, count),
      await benchSeparatedLookups(count),
    ].join('\n\n'),
  deployments: () => benchDeployments(),
};

/** `npm run bench [-- [suite …] [--rounds N]]` */
const { values, positionals } = parseArgs({
  options: { rounds: { type: 'string', default: String(DEFAULT_ROUNDS) } },
  allowPositionals: true,
});
const rounds = Number(values.rounds);
const unknown = positionals.find((name) => !Object.hasOwn(suites, name));
if (unknown !== undefined || !Number.isInteger(rounds) || rounds < 1) {
  process.stderr.write(`usage: npm run bench [-- [${Object.keys(suites).join('|')}]… [--rounds N]]\n`);
  process.exit(2);
}
const wanted = Object.entries(suites).filter(
  ([name]) => positionals.length === 0 || positionals.includes(name),
);

const work = await mkdtemp(join(tmpdir(), 'bench-'));
const memory = await mkdtemp('/dev/shm/bench-');
try {
  const gibibytes = (freemem() / 2 ** 30).toFixed(0);
  process.stdout.write(
    `Machine: ${cpus().length} × ${cpus()[0]?.model}, ${gibibytes} GiB free, Linux ${release()}, Node ${process.version}\n` +
      `Each figure: median (least–greatest) of ${rounds} rounds, contenders in turn, after one warm-up.\n\n`,
  );
  if (wanted.some(([name]) => name === 'serve' || name === 'fetch')) {
    await mkdir(join(work, 'www'));
    await run(`head -c ${IMAGE_BYTES} /dev/urandom > ${work}/www/big.img && sync ${work}/www/big.img`);
  }
  for (const [name, bench] of wanted) {
    process.stderr.write(`measuring ${name} …\n`);
    const tables = await bench({ work, memory }, rounds);
    process.stdout.write(`## ${name}\n\n${tables}\n\n`);
  }
} finally {
  await rm(work, { recursive: true, force: true });
  await rm(memory, { recursive: true, force: true });
}
