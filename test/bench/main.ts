import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { cpus, freemem, release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { benchFetch } from './fetch.ts';
import { run } from './measure.ts';
import { benchPublish } from './publish.ts';
import { benchPull } from './pull.ts';
import { benchRegistry } from './registry.ts';
import { benchResolve } from './resolve.ts';
import { benchServe } from './serve.ts';

const IMAGE_BYTES = 1 << 30;
const DEFAULT_ROUNDS = 5;
const suites = ['serve', 'fetch', 'pull', 'registry', 'resolve', 'publish'] as const;

/** `npm run bench [-- [suite …] [--rounds N]]` */
const { values, positionals } = parseArgs({
  options: { rounds: { type: 'string', default: String(DEFAULT_ROUNDS) } },
  allowPositionals: true,
});
const rounds = Number(values.rounds);
const unknown = positionals.find((name) => !(suites as readonly string[]).includes(name));
if (unknown !== undefined || !Number.isInteger(rounds) || rounds < 1) {
  process.stderr.write(`usage: npm run bench [-- [${suites.join('|')}]… [--rounds N]]\n`);
  process.exit(2);
}
const wanted = suites.filter((suite) => positionals.length === 0 || positionals.includes(suite));

const work = await mkdtemp(join(tmpdir(), 'bench-'));
const memory = await mkdtemp('/dev/shm/bench-');
try {
  const gibibytes = (freemem() / 2 ** 30).toFixed(0);
  process.stdout.write(
    `Machine: ${cpus().length} × ${cpus()[0]?.model}, ${gibibytes} GiB free, Linux ${release()}, Node ${process.version}\n` +
      `Each figure: median (least–greatest) of ${rounds} rounds, contenders in turn, after one warm-up.\n\n`,
  );
  if (wanted.some((suite) => suite === 'serve' || suite === 'fetch')) {
    await mkdir(join(work, 'www'));
    await run(`head -c ${IMAGE_BYTES} /dev/urandom > ${work}/www/big.img && sync ${work}/www/big.img`);
  }
  for (const suite of wanted) {
    process.stderr.write(`measuring ${suite} …\n`);
    const tables =
      suite === 'serve'
        ? await benchServe(work, rounds)
        : suite === 'fetch'
          ? await benchFetch(work, memory, rounds)
          : suite === 'pull'
            ? await benchPull(work, memory, rounds)
            : suite === 'registry'
              ? await benchRegistry(work, memory, rounds)
              : suite === 'publish'
                ? await benchPublish(work, rounds)
                : await benchResolve(rounds);
    process.stdout.write(`## ${suite}\n\n${tables}\n\n`);
  }
} finally {
  await rm(work, { recursive: true, force: true });
  await rm(memory, { recursive: true, force: true });
}
