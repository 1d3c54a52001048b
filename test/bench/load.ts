// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { BUNDLE_OPTIONS, MAKE_REQUIRE } from '../../compose/program-bundle.ts';
import { type RunningEngine, startDockerEngine } from '../lab/docker-engine.ts';
import { createLab } from '../lab/lab.ts';
import { LAYER_KINDS } from './load-archives.ts';
import { alternate, ratioOf, readChildSeconds, run, spreadOf, usageOf } from './measure.ts';
import { formatSpread, formatTable } from './table.ts';

const IMAGE_BYTES = 2 ** 30;
const PROGRAM = fileURLToPath(new URL('./programs/load-image.ts', import.meta.url));
const OURS = 'eve-agent';

interface Loaded {
  readonly wallSeconds: number;
  /** Of the client alone. */
  readonly cpuSeconds: number;
  readonly peakMemoryMiB: number;
}

/** What the engine has is taken away: the next one has all to do again. */
async function forgetImages(engine: RunningEngine): Promise<void> {
  const ids = (await engine.docker('images', '--all', '--quiet')).split('\n').filter(Boolean);
  await engine.docker('rmi', '--force', ...new Set(ids));
}

async function loadByClient(engine: RunningEngine, archive: string): Promise<Loaded> {
  const command = `docker --host unix://${engine.socket} load --input ${archive}`;
  const { stdout, ...ran } = await run(`${command} >/dev/null && times`);
  await forgetImages(engine);
  return { ...ran, cpuSeconds: readChildSeconds(stdout) };
}

/** A process that goes on, as the agent does: its start is none of a load's. */
interface ResidentLoader {
  load(archive: string): Promise<Loaded>;
  stop(): void;
}

function startLoader(engine: RunningEngine, program: string): ResidentLoader {
  const child = spawn(process.execPath, [program, engine.socket], { stdio: ['pipe', 'pipe', 'inherit'] });
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async load(archive) {
      const startedMs = performance.now();
      child.stdin.write(`${archive}\n`);
      const { value, done } = await answers.next();
      const wallSeconds = (performance.now() - startedMs) / 1000;
      if (done) throw new Error(`${archive} was not loaded`);
      const { peakMemoryMiB } = usageOf(child.pid as number);
      await forgetImages(engine);
      return { wallSeconds, cpuSeconds: Number(value), peakMemoryMiB };
    },
    stop: () => void child.stdin.end(),
  };
}

/** A bundle, as the agent is deployed. @returns where it stands */
async function bundleProgram(folder: string): Promise<string> {
  const outfile = join(folder, 'load-image.mjs');
  await build({
    ...BUNDLE_OPTIONS,
    entryPoints: [PROGRAM],
    outfile,
    format: 'esm',
    banner: { js: MAKE_REQUIRE },
  });
  return outfile;
}

/** One archive by `docker load` and as the agent does it, in turns. @returns a table */
async function compare(
  engine: RunningEngine,
  loader: ResidentLoader,
  archive: string,
  rounds: number,
): Promise<string> {
  const contenders = [
    [OURS, () => loader.load(archive)],
    ['docker load', () => loadByClient(engine, archive)],
  ] as const;
  const samples = await alternate(contenders, rounds);
  const ours = samples.get(OURS) ?? [];
  const rows = contenders.map(([name]) => {
    const theirs = samples.get(name) ?? [];
    return [
      name,
      formatSpread(spreadOf(theirs.map(({ wallSeconds }) => wallSeconds))),
      formatSpread(spreadOf(theirs.map(({ cpuSeconds }) => cpuSeconds))),
      spreadOf(theirs.map(({ peakMemoryMiB }) => peakMemoryMiB)).maximum.toFixed(0),
      formatSpread(ratioOf(ours, theirs, ({ wallSeconds }) => wallSeconds)),
    ];
  });
  return formatTable(['command', 'wall s', 'CPU s', 'memory MiB', 'ours/its wall'], rows);
}

/**
 * Images of 1 GiB into an engine of its own, by `docker load` and as an agent does it that runs already: of random bytes, which no
 * compression makes smaller, and of files as images have them. Needs root.
 */
export async function benchLoad(work: string, rounds: number): Promise<string> {
  const folder = join(work, 'load');
  await mkdir(folder);
  const program = await bundleProgram(folder);
  const lab = await createLab();
  let engine: RunningEngine | undefined;
  let loader: ResidentLoader | undefined;
  try {
    engine = await startDockerEngine(lab.host, join(folder, 'engine'));
    loader = startLoader(engine, program);
    const tables: string[] = [];
    for (const { name, gzipLevel, save } of LAYER_KINDS) {
      const archive = join(folder, 'image.tar');
      await save(archive, IMAGE_BYTES, engine);
      const what = `An image of 1 GiB in one layer of ${name}`;
      tables.push(`${what}, an archive as it is:\n\n${await compare(engine, loader, archive, rounds)}`);
      await run(`gzip -${gzipLevel} --force ${archive}`);
      const table = await compare(engine, loader, `${archive}.gz`, rounds);
      tables.push(`${what}, an archive of gzip -${gzipLevel}:\n\n${table}`);
    }
    return tables.join('\n\n');
  } finally {
    loader?.stop();
    await engine?.stop();
    await lab.stop();
  }
}
