// SPDX-License-Identifier: Apache-2.0
/** What happens to the link, the datastore's file, the disk and the bytes while a download runs, many times over. */
import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { makeImage, sha256Of } from '../integration/image-server.ts';
import { eveAgent } from '../lab/programs.ts';
import { randomOfThisRun } from '../random.ts';
import { describeWith } from '../requirements.ts';
import { repetitions } from '../soak.ts';
import {
  ADDRESS,
  createFaultLab,
  type DownloadDocument,
  type FaultLab,
  type RunningDatastore,
  report,
  watchAgent,
} from './fault-lab.ts';

const IMAGE_BYTES = 4 * 1024 * 1024 + 33;
const RATE = '32mbit';
const ROUNDS = repetitions({ short: 4, long: 6 });

describeWith(['lab', 'tc'], 'a download that is disturbed', () => {
  const random = randomOfThisRun('disturbed downloads');
  let faults: FaultLab;
  let datastore: RunningDatastore;
  beforeAll(async () => {
    faults = await createFaultLab({ imageBytes: IMAGE_BYTES, rate: RATE });
    datastore = faults.startDatastore();
    await datastore.ready;
    await vi.waitUntil(() => datastore.log().includes('an image is ready'), 60_000);
  });
  afterAll(() => faults?.stop());

  /** Starts a download and waits for a random moment of its transfer. */
  async function startDisturbable(...args: string[]) {
    const run = faults.startDownload('--stall-timeout', '1', '--retries', '20', ...args);
    await run.seen(({ event }) => event === 'progress');
    await Promise.race([delay(random.next() * 900), run.ended]);
    return run;
  }
  /** With what it said where it failed. */
  async function expectDone(run: ReturnType<FaultLab['startDownload']>): Promise<void> {
    const exitCode = await run.ended;
    expect({ exitCode, stderr: exitCode === 0 ? '' : run.stderr() }).toEqual({ exitCode: 0, stderr: '' });
  }
  const documentOf = async (run: ReturnType<FaultLab['startDownload']>) =>
    JSON.parse(await run.stdout()) as DownloadDocument;

  it('goes on when the link comes back', async () => {
    let attempts = 0;
    for (let round = 0; round < ROUNDS; round += 1) {
      const run = await startDisturbable('--sha256', faults.sha256);
      await faults.app.mustRun(['ip', 'link', 'set', 'eth0', 'down']);
      await delay(random.next() * 1500);
      await faults.app.mustRun(['ip', 'link', 'set', 'eth0', 'up']);
      await expectDone(run);
      const document = await documentOf(run);
      expect(document.receivedBytes).toBe(IMAGE_BYTES);
      attempts += document.attempts;
      expect(await faults.isInPlace()).toBe(true);
      expect(await faults.leftOver()).toEqual(['image.img']);
      await rm(faults.target);
    }
    report('link down and up', { rounds: ROUNDS, attempts });
  });

  it('goes on when the address changes', async () => {
    let attempts = 0;
    for (let round = 0; round < ROUNDS; round += 1) {
      const run = await startDisturbable('--sha256', faults.sha256);
      await faults.app.setAddress(round % 2 === 0 ? '10.1.0.77/24' : ADDRESS);
      await expectDone(run);
      const document = await documentOf(run);
      expect(document.receivedBytes).toBe(IMAGE_BYTES);
      attempts += document.attempts;
      expect(await faults.isInPlace()).toBe(true);
      await rm(faults.target);
    }
    report('address changed', { rounds: ROUNDS, attempts });
  });

  it('never mixes two files', async () => {
    const other = makeImage(IMAGE_BYTES, 'other');
    const otherSha256 = sha256Of(other);
    const outcomes: Record<string, number> = {};
    const note = (outcome: string) => {
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
    };
    /** At once, as a publication does. */
    const publish = async (bytes: Buffer) => {
      await writeFile(`${faults.source}.new`, bytes);
      await rename(`${faults.source}.new`, faults.source);
    };
    for (let round = 0; round < ROUNDS; round += 1) {
      const isDigestGiven = round % 2 === 0;
      const run = await startDisturbable(...(isDigestGiven ? ['--sha256', faults.sha256] : []));
      const isEarly = run.child.exitCode === null;
      await publish(other);
      // The connection is cut as well: what follows comes from the other file.
      await datastore.kill();
      datastore = faults.startDatastore();
      const exitCode = await run.ended;
      const shown = { exitCode, stderr: run.stderr() };
      if (exitCode === 0) {
        const { sha256 } = await documentOf(run);
        expect(isDigestGiven ? [faults.sha256] : [faults.sha256, otherSha256]).toContain(sha256);
        note(sha256 === faults.sha256 ? 'the first file, whole' : 'the other file, whole');
        await rm(faults.target);
      } else {
        expect(shown).toMatchObject({ exitCode: 5 });
        expect([isDigestGiven, isEarly]).toEqual([true, true]);
        note('refused by its digest');
      }
      expect(await faults.leftOver()).toEqual([]);
      await publish(faults.image);
      await datastore.kill();
      datastore = faults.startDatastore();
      await datastore.ready;
    }
    report('replaced by other bytes', { rounds: ROUNDS, outcomes });
    expect(Object.keys(outcomes)).not.toEqual(['the first file, whole']);
  });

  it('stops with a full disk, keeps what it has, and goes on when there is room', async () => {
    const disk = join(faults.out, 'disk');
    await faults.lab.host.mustRun(['mkdir', disk]);
    await faults.lab.host.mustRun(['mount', '-t', 'tmpfs', '-o', 'size=6m', 'tmpfs', disk]);
    const target = join(disk, 'image.img');
    const url = 'http://ds.local/image.img';
    const args = ['download', url, '-o', target, '--json', '--sha256', faults.sha256];
    const counts = { noSpace: 0, resumedBytes: 0 };
    for (let round = 0; round < ROUNDS; round += 1) {
      const run = watchAgent(faults.lab.host.start(eveAgent(...args)));
      await run.seen(({ event }) => event === 'progress');
      await Promise.race([delay(random.next() * 700), run.ended]);
      // Somebody else takes all the room that is left.
      await faults.lab.host.run(['dd', 'if=/dev/zero', `of=${disk}/filler`, 'bs=4096']);
      const exitCode = await run.ended;
      expect({ exitCode, stderr: run.stderr() }).toMatchObject({ exitCode: expect.toBeOneOf([0, 6]) });
      await faults.lab.host.mustRun(['rm', `${disk}/filler`]);
      if (exitCode === 6) {
        counts.noSpace += 1;
        expect((await faults.lab.host.run(['test', '-e', target])).exitCode).toBe(1);
        const again = await faults.lab.host.run(eveAgent(...args));
        expect(again).toMatchObject({ exitCode: 0 });
        const { resumedFromBytes, receivedBytes } = JSON.parse(again.stdout) as DownloadDocument;
        expect(resumedFromBytes + receivedBytes).toBe(IMAGE_BYTES);
        counts.resumedBytes += resumedFromBytes;
      }
      expect(await faults.lab.host.mustRun(['sha256sum', target])).toContain(faults.sha256);
      await faults.lab.host.mustRun(['rm', target]);
      expect(await faults.lab.host.mustRun(['ls', '-A', disk])).toBe('');
    }
    report('disk full', { rounds: ROUNDS, ...counts });
    expect(counts.noSpace).toBeGreaterThan(0);
    await faults.lab.host.mustRun(['umount', disk]);
    await rm(disk, { recursive: true });
  });
});
