// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createLab, type Lab } from '../lab/lab.ts';
import { usageOf } from './measure.ts';

/**
 * What `eve-agent run` costs with 10, 100 and 1,000 content trees on up to 100 datastore names and three
 * bridges: with every datastore missing, with everything verified already but not yet under its name, and once
 * more after that.
 *
 * usage: npm run build && node test/bench/agent-scale.ts [OPTION OF run]…
 */
const AGENT = fileURLToPath(new URL('../../dist/eve-agent/main.js', import.meta.url));
const COUNTS = [0, 10, 100, 1000];
const MAX_DATASTORES = 100;
/** By then everything is started, and nothing happens but retries. */
const STARTED_MS = 2000;
const LATER_MS = 18_000;
const OPTIONS = process.argv.slice(2);

const uuidOf = (kind: number, number: number) =>
  `00000000-0000-4000-800${kind}-${String(number).padStart(12, '0')}`;

async function writeConfiguration(folder: string, count: number, isVerified: boolean): Promise<void> {
  const verified = join(folder, 'state', 'verified');
  await mkdir(verified, { recursive: true });
  const datastores = Array.from({ length: Math.min(Math.max(count / 10, 1), MAX_DATASTORES) }, (_, i) => ({
    id: uuidOf(1, i),
    dType: 'DsHttp',
    fqdn: `http://ds${i}.local`,
  }));
  const contentInfo = [];
  for (let i = 0; i < count; i++) {
    const text = `content ${i}`;
    const sha256 = createHash('sha256').update(text).digest('hex');
    if (isVerified) await writeFile(join(verified, sha256), text);
    contentInfo.push({
      uuid: uuidOf(0, i),
      dsIdsList: [datastores[i % datastores.length]?.id],
      URL: `image-${i}`,
      iformat: 'RAW',
      sha256,
      maxSizeBytes: String(text.length),
      displayName: `image-${i}`,
    });
  }
  await writeFile(join(folder, 'device.json'), JSON.stringify({ datastores, contentInfo }));
}

/** Runs the program once: CPU seconds of it and its processes soon after the start and later, and their peaks of memory. */
async function measure(lab: Lab, folder: string, count: number, kind: string): Promise<string> {
  const place = ['--config', join(folder, 'device.json'), '--state', join(folder, 'state')];
  const child = lab.host.start(
    [process.execPath, AGENT, 'run', ...place, '--log-level', 'error', ...OPTIONS],
    {
      stdio: ['ignore', 'inherit', 'inherit'],
    },
  );
  const pid = child.pid ?? 0;
  await wait(STARTED_MS);
  const started = usageOf(pid);
  await wait(LATER_MS);
  const later = usageOf(pid);
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  await ended;
  const cpu = [started, later].map(({ cpuSeconds }) => cpuSeconds.toFixed(2));
  const cells = [count, kind, ...cpu, Math.round(later.peakMemoryMiB)];
  return cells.map((cell) => String(cell).padStart(10)).join('');
}

const lab = await createLab();
// Removed at the end alone: ext4 makes new files slowly while many were just deleted.
const parent = await mkdtemp(join(tmpdir(), 'agent-scale-'));
try {
  for (const number of [1, 2, 3]) await lab.addBridge(`bn${number}`, `10.${number}.0.1/24`);
  process.stdout.write('     trees datastore CPU s 2 s CPU s 20 s  peak MiB\n');
  for (const count of COUNTS) {
    for (const kinds of [['missing'], ['verified', 'again']]) {
      const folder = await mkdtemp(join(parent, 'device-'));
      await writeConfiguration(folder, count, kinds.includes('verified'));
      for (const kind of kinds) process.stdout.write(`${await measure(lab, folder, count, kind)}\n`);
    }
  }
} finally {
  await lab.stop();
  await rm(parent, { recursive: true });
}
