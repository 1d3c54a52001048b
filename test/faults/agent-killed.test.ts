// SPDX-License-Identifier: Apache-2.0
/** The agent is killed at random moments of its life, again and again, by the signal that leaves it no time. */
import { rm } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { randomOfThisRun } from '../random.ts';
import { describeWith } from '../requirements.ts';
import { repetitions } from '../soak.ts';
import { type AgentRun, createFaultLab, type FaultLab, type RunningDatastore, report } from './fault-lab.ts';

const KILLS = repetitions({ short: 20, long: 100 });
const IMAGE_BYTES = 5 * 1024 * 1024 + 321;
/** 5 MB/s: a second for the image, so that moments in the middle exist. */
const RATE = '40mbit';
/** What comes in a quarter of a second at that rate: how often the agent writes what has come. */
const UNWRITTEN_BYTES = 40_000_000 / 8 / 4;
/** Of Ethernet, IP and TCP, beside what they carry; more than measured. */
const HEADER_SHARE = 0.06;
/** Multicast DNS, the request, the head of the answer, and what is on the wire when the signal comes. */
const BYTES_PER_RUN = 64 * 1024;

/** Parts of a run's life: what is waited for, how long after it the signal may come, how often it is chosen. */
const PHASES = [
  { name: 'start', after: null, withinMs: 350, weight: 20 },
  { name: 'resolve and first bytes', after: 'located', withinMs: 20, weight: 15 },
  { name: 'middle', after: 'progress', withinMs: 500, weight: 45 },
  { name: 'verify, sync and rename', after: 'verifying', withinMs: 12, weight: 20 },
] as const;
const CHOICES = PHASES.flatMap((phase) => Array.from({ length: phase.weight }, () => phase));

describeWith(['lab', 'tc'], 'the agent, killed at random moments', () => {
  let faults: FaultLab;
  let datastore: RunningDatastore;
  beforeAll(async () => {
    faults = await createFaultLab({ imageBytes: IMAGE_BYTES, rate: RATE });
    datastore = faults.startDatastore();
    await datastore.ready;
  });
  afterAll(() => faults?.stop());

  const start = () => faults.startDownload('--sha256', faults.sha256);

  it('leaves the target absent or whole, and goes on from what is stored', async () => {
    const random = randomOfThisRun('agent killed');
    const kills = new Map<string, number>();
    let downloads = 0;
    let resumed = 0;
    let inPlaceWhenKilled = 0;
    const wireBefore = await faults.wireBytes();

    /** Where a run goes on must be where the one before stopped: no stored byte is fetched again. */
    const checkResumption = (run: AgentRun, storedBytes: number) => {
      const [first] = run.events.filter(({ event }) => event === 'progress');
      if (first === undefined) return;
      expect(first).toMatchObject({ event: 'progress', receivedBytes: storedBytes });
      if (storedBytes > 0) resumed += 1;
    };

    for (let killed = 0; killed < KILLS; ) {
      const storedBytes = await faults.partialBytes();
      const { name, after, withinMs } = random.pick(CHOICES);
      const momentMs = random.next() * withinMs;
      const run = start();
      if (after !== null) await run.seen(({ event }) => event === after);
      await Promise.race([delay(momentMs), run.ended]);
      const hasEnded = run.child.exitCode !== null;
      await run.kill();
      if (!hasEnded) {
        killed += 1;
        kills.set(name, (kills.get(name) ?? 0) + 1);
      } else expect(run.child.exitCode).toBe(0);
      checkResumption(run, storedBytes);
      if (await faults.isInPlace()) {
        downloads += 1;
        if (!hasEnded) inPlaceWhenKilled += 1;
        await rm(faults.target);
      }
    }

    const storedBytes = await faults.partialBytes();
    const last = start();
    expect(await last.ended).toBe(0);
    checkResumption(last, storedBytes);
    expect(await faults.isInPlace()).toBe(true);
    expect(await faults.leftOver()).toEqual(['image.img']);
    downloads += 1;

    const wireBytes = (await faults.wireBytes()) - wireBefore;
    const neededBytes = downloads * IMAGE_BYTES;
    report('agent killed', {
      kills: Object.fromEntries(kills),
      downloads,
      resumed,
      inPlaceWhenKilled,
      neededBytes,
      wireBytes,
      moreThanNeededPerKillBytes: Math.round((wireBytes - neededBytes) / KILLS),
    });
    const mayBeLostBytes = KILLS * (UNWRITTEN_BYTES + BYTES_PER_RUN);
    expect(wireBytes).toBeLessThan((neededBytes + mayBeLostBytes) * (1 + HEADER_SHARE));
    expect(resumed).toBeGreaterThan(0);
  });
});
