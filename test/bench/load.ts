import { randomBytes } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { BUNDLE_OPTIONS, MAKE_REQUIRE } from '../../compose/program-bundle.ts';
import { type RunningEngine, startDockerEngine } from '../lab/docker-engine.ts';
import { createImageLayout } from '../lab/image-layouts.ts';
import { createLab } from '../lab/lab.ts';
import { alternate, ratioOf, readChildSeconds, run, spreadOf } from './measure.ts';
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

async function load(engine: RunningEngine, command: string): Promise<Loaded> {
  const { stdout, ...ran } = await run(`${command} >/dev/null && times`);
  const ids = (await engine.docker('images', '--all', '--quiet')).split('\n').filter(Boolean);
  await engine.docker('rmi', '--force', ...new Set(ids));
  return { ...ran, cpuSeconds: readChildSeconds(stdout) };
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

/** An image of 1 GiB into an engine of its own, by `docker load` and as the agent does it. Needs root. */
export async function benchLoad(work: string, rounds: number): Promise<string> {
  const folder = join(work, 'load');
  await mkdir(folder);
  const program = await bundleProgram(folder);
  const lab = await createLab();
  let engine: RunningEngine | undefined;
  try {
    engine = await startDockerEngine(lab.host, join(folder, 'engine'));
    const running = engine;
    const made = await createImageLayout(join(folder, 'made'));
    await made.addImage({ layers: [randomBytes(IMAGE_BYTES)] }, '1');
    const archive = join(folder, 'image.tar');
    const compressed = join(folder, 'image.tar.gz');
    await run(`skopeo --insecure-policy copy -q oci:${made.folder}:1 docker-archive:${archive}`);
    await run(`gzip -1 <${archive} >${compressed}`);
    await rm(made.folder, { recursive: true });
    const tables: string[] = [];
    for (const file of [archive, compressed]) {
      const commands = {
        [OURS]: `${process.execPath} ${program} ${running.socket} ${file}`,
        'docker load': `docker --host unix://${running.socket} load --input ${file}`,
      };
      const contenders = Object.entries(commands).map(
        ([name, command]) => [name, () => load(running, command)] as const,
      );
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
      const header = ['command', 'wall s', 'CPU s', 'memory MiB', 'ours/its wall'];
      const how = file === archive ? 'as it is' : 'of gzip';
      tables.push(`An image of 1 GiB in one layer, an archive ${how}:\n\n${formatTable(header, rows)}`);
    }
    return tables.join('\n\n');
  } finally {
    await engine?.stop();
    await lab.stop();
  }
}
