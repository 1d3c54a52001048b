// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { startDebianRegistry } from '../lab/debian-registry.ts';
import { createImageLayout } from '../lab/image-layouts.ts';
import { findFreePort } from '../lab/loopback-agent.ts';
import { createNamespace } from '../lab/namespace.ts';
import { alternate, ratioOf, readChildSeconds, run, spreadOf } from './measure.ts';
import { formatSpread, formatTable } from './table.ts';

const LAYERS = 10;
const LAYER_BYTES = Math.floor(2 ** 30 / LAYERS);

interface Pulled {
  readonly wallSeconds: number;
  /** Of the client alone. */
  readonly cpuSeconds: number;
  readonly peakMemoryMiB: number;
}

async function pull(command: string, target: string): Promise<Pulled> {
  await rm(target, { recursive: true, force: true });
  const { stdout, ...ran } = await run(`${command} >/dev/null && times`);
  return { ...ran, cpuSeconds: readChildSeconds(stdout) };
}

/** An image of 1 GiB in ten layers from Debian's docker-registry to a layout on the disk, synced. */
export async function benchPull(work: string, memory: string, rounds: number): Promise<string> {
  const port = await findFreePort();
  const made = await createImageLayout(join(memory, 'made'));
  const place = createNamespace('machine', [], () => {});
  const registry = await startDebianRegistry(place, { folder: join(memory, 'registry'), port });
  try {
    await made.addImage({ layers: Array.from({ length: LAYERS }, () => randomBytes(LAYER_BYTES)) }, '1');
    await registry.push(made.folder, '1', 'big');
    await rm(made.folder, { recursive: true });
    const target = join(work, 'pulled');
    const image = `docker://127.0.0.1:${port}/big:1`;
    const commands = {
      'eve-agent download': `${process.execPath} dist/eve-agent/main.js download ${image} -o ${target}`,
      'skopeo copy': `skopeo copy -q --preserve-digests --src-tls-verify=false ${image} oci:${target}:1 && sync -f ${target}`,
    };
    const contenders = Object.entries(commands).map(
      ([name, command]) => [name, () => pull(command, target)] as const,
    );
    const samples = await alternate(contenders, rounds);
    const ours = samples.get('eve-agent download') ?? [];
    const rows = contenders.map(([name]) => {
      const theirs = samples.get(name) ?? [];
      return [
        name,
        formatSpread(spreadOf(theirs.map(({ wallSeconds }) => wallSeconds))),
        formatSpread(spreadOf(theirs.map(({ cpuSeconds }) => cpuSeconds))),
        spreadOf(theirs.map(({ peakMemoryMiB }) => peakMemoryMiB)).maximum.toFixed(0),
        formatSpread(ratioOf(ours, theirs, ({ wallSeconds }) => wallSeconds)),
        formatSpread(ratioOf(ours, theirs, ({ cpuSeconds }) => cpuSeconds)),
      ];
    });
    const header = ['command', 'wall s', 'CPU s', 'memory MiB', 'ours/its wall', 'ours/its CPU'];
    return `An image of 1 GiB in ${LAYERS} layers, to disk, synced:\n\n${formatTable(header, rows)}`;
  } finally {
    await registry.stop();
  }
}
