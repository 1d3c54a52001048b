// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { ARCHITECTURE, buildPackaging } from '../integration/packaging-build.ts';
import { startAvahi } from '../lab/avahi.ts';
import { type App, createLab, type Lab } from '../lab/lab.ts';
import { alternate, ratioOf, spreadOf } from './measure.ts';
import { formatSpread, formatTable } from './table.ts';

/** Many, since one takes milliseconds. */
const LOOKUPS_PER_ROUND = 5;

async function startDatastore(app: App, work: string): Promise<void> {
  const child = app.start(
    [
      process.execPath,
      'dist/datastore-app/main.js',
      'serve',
      ...['--root', join(work, 'images'), '--state', join(work, 'state'), '--host-name', 'ours'],
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  if (child.stderr === null) throw new Error('no log');
  for await (const line of createInterface(child.stderr)) {
    if (line.includes('our own answer was seen')) {
      child.stderr.resume();
      return;
    }
  }
  await once(child, 'exit');
  throw new Error('the datastore ended before it was advertised');
}

interface LookupSample {
  /** From the first question sent to the answer, as the program itself says; null where it does not. */
  readonly lookupMs: number | null;
  /** The whole command, start of the process included. */
  readonly commandMs: number;
}

/**
 * RFC 6762 §6: a record is not multicast again before a second is over, though somebody asks, and EVE asks once. Its
 * lookup begins when no answer to another's question can be why it gets none.
 */
const REPEAT_LIMIT_MS = 1000;

async function timed(
  lab: Lab,
  command: readonly string[],
  lookupMs: (stdout: string) => number | null,
  beforehandMs = 0,
) {
  const samples: LookupSample[] = [];
  for (let i = 0; i < LOOKUPS_PER_ROUND; i++) {
    await delay(beforehandMs);
    const startedMs = performance.now();
    const stdout = await lab.host.mustRun(command);
    samples.push({ commandMs: performance.now() - startedMs, lookupMs: lookupMs(stdout) });
  }
  return samples;
}

const NODE_ALONE = 'node -e 0';

/** The typical command of a round. */
const commandMsOf = (samples: readonly LookupSample[]) =>
  spreadOf(samples.map(({ commandMs }) => commandMs)).median;

/**
 * Name to address on the host of two bridges: our datastore and a real Avahi, each found in several ways. Commands are
 * also told as a multiple of what Node takes to start and end by itself, in the same round.
 */
export async function benchResolve(rounds: number): Promise<string> {
  const work = await mkdtemp(join(tmpdir(), 'bench-resolve-'));
  const executable = await buildPackaging('executable', ARCHITECTURE);
  const lab = await createLab();
  try {
    await lab.addBridge('bn1', '10.1.0.1/24');
    await lab.addBridge('bn2', '10.2.0.1/24');
    await startDatastore(await lab.addApp({ name: 'ours', bridge: 'bn1', address: '10.1.0.5/24' }), work);
    await startAvahi(await lab.addApp({ name: 'avahi', bridge: 'bn2', address: '10.2.0.5/24' }), {
      hostName: 'theirs',
      publishWorkstation: true,
    });
    // avahi-resolve and avahi-browse ask the daemon of their own host.
    const withAvahi = await startAvahi(lab.host, { hostName: 'device', publishWorkstation: false });
    const elapsedMs = (stdout: string) => (JSON.parse(stdout) as { elapsedMs: number }).elapsedMs;
    const silent = () => null;
    const rows: string[][] = [];
    for (const name of ['ours', 'theirs']) {
      const host = `${name}.local`;
      const resolve = ['resolve', `http://${host}/`, '--json'];
      const bundle = [process.execPath, 'dist/eve-agent/main.js', ...resolve];
      const single = [executable.executable(ARCHITECTURE), ...resolve];
      const eve = [process.execPath, 'test/bench/eve-lookup.ts', host, '10.1.0.1', '10.2.0.1'];
      const samples = await alternate(
        [
          [NODE_ALONE, () => timed(lab, [process.execPath, '-e', '0'], silent)],
          ['eve-agent resolve', () => timed(lab, bundle, elapsedMs)],
          ['the same, one executable', () => timed(lab, single, elapsedMs)],
          [
            'avahi-resolve (daemon, cached)',
            () => timed(lab, [...withAvahi, 'avahi-resolve', '-4', '-n', host], silent),
          ],
          [
            'avahi-browse -rt',
            () => timed(lab, [...withAvahi, 'avahi-browse', '-rtp', '_workstation._tcp'], silent),
          ],
          ['what EVE does', () => timed(lab, eve, elapsedMs, REPEAT_LIMIT_MS)],
        ],
        rounds,
      );
      const alone = samples.get(NODE_ALONE) ?? [];
      for (const [method, groups] of samples) {
        const all = groups.flat();
        const lookups = all.flatMap((sample) => sample.lookupMs ?? []);
        rows.push([
          name === 'ours' ? 'datastore-app' : 'avahi-daemon',
          method,
          lookups.length === 0 ? '' : formatSpread(spreadOf(lookups), 1),
          formatSpread(spreadOf(all.map(({ commandMs }) => commandMs)), 0),
          formatSpread(ratioOf(groups, alone, commandMsOf)),
        ]);
      }
    }
    return formatTable(
      ['responder', 'method', 'question to answer, ms', 'whole command, ms', `÷ ${NODE_ALONE}`],
      rows,
    );
  } finally {
    await lab.stop();
    await executable.remove();
    await rm(work, { recursive: true, force: true });
  }
}
