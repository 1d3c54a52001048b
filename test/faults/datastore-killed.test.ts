// SPDX-License-Identifier: Apache-2.0
/** The datastore is killed at random moments while the agent downloads, and comes back, often elsewhere. */
import { rm } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Random, randomOfThisRun } from '../random.ts';
import { describeWith } from '../requirements.ts';
import { repetitions } from '../soak.ts';
import {
  ADDRESS,
  type AgentEvent,
  createFaultLab,
  type DownloadDocument,
  type FaultLab,
  report,
} from './fault-lab.ts';

/** Most of the time everybody waits for timers, so several devices fit beside each other. */
const DEVICES = 4;
const KILLS_PER_DEVICE = repetitions({ short: 5, long: 25 });
const IMAGE_BYTES = 6 * 1024 * 1024 + 17;
const RATE = '24mbit';
/** From the start of the program: loading, probing, announcing. */
const UP_WITHIN_MS = 2500;
/** From the moment that bytes come again. */
const SENDING_WITHIN_MS = 800;
const ADDRESSES = [ADDRESS, '10.1.0.42/24', '10.1.0.99/24', '10.1.0.200/24'];

interface Counts {
  kills: { whileStarting: number; whileSending: number };
  newAddresses: number;
  downloads: number;
  attempts: number;
  receivedBytes: number;
}

const receivedBytesOf = (event: AgentEvent): number => (event.event === 'progress' ? event.receivedBytes : 0);

describeWith(['lab', 'tc'], 'the datastore, killed at random moments', () => {
  const devices: FaultLab[] = [];
  beforeAll(async () => {
    for (let count = 0; count < DEVICES; count += 1) {
      devices.push(await createFaultLab({ imageBytes: IMAGE_BYTES, rate: RATE }));
    }
  });
  afterAll(async () => {
    for (const device of devices) await device.stop();
  });

  async function torment(device: FaultLab, random: Random): Promise<Counts> {
    const counts: Counts = {
      kills: { whileStarting: 0, whileSending: 0 },
      newAddresses: 0,
      downloads: 0,
      attempts: 0,
      receivedBytes: 0,
    };
    const startAgent = () => {
      const patience = ['--retries', '100', '--timeout', '120', '--stall-timeout', '2'];
      return device.startDownload('--sha256', device.sha256, ...patience);
    };
    const finishDownload = async () => {
      expect({ exitCode: await agent.ended, stderr: agent.stderr() }).toMatchObject({ exitCode: 0 });
      const { receivedBytes, attempts, ...result } = JSON.parse(await agent.stdout()) as DownloadDocument;
      // One run that lost nothing: each byte came once, however often the datastore went away.
      expect({ ...result, receivedBytes }).toMatchObject({
        sha256: device.sha256,
        resumedFromBytes: 0,
        receivedBytes: IMAGE_BYTES,
      });
      expect(await device.isInPlace()).toBe(true);
      expect(await device.leftOver()).toEqual(['image.img']);
      counts.downloads += 1;
      counts.attempts += attempts;
      counts.receivedBytes += receivedBytes;
      await rm(device.target);
    };

    let agent = startAgent();
    let address = ADDRESS;
    let datastore = device.startDatastore();
    for (let kill = 0; kill < KILLS_PER_DEVICE; kill += 1) {
      if (random.next() < 0.3) {
        await delay(random.next() * UP_WITHIN_MS);
        counts.kills.whileStarting += 1;
      } else {
        await agent.seen(({ event }) => event === 'located', agent.events.length);
        const before = Math.max(0, ...agent.events.map(receivedBytesOf));
        await agent.seen((event) => receivedBytesOf(event) > before, agent.events.length);
        await delay(random.next() * SENDING_WITHIN_MS);
        counts.kills.whileSending += 1;
      }
      await datastore.kill();
      expect(datastore.log()).not.toContain('"level":"error"');
      // In place means whole, though the agent may not have ended yet.
      if (agent.child.exitCode !== null || (await device.isInPlace())) {
        await finishDownload();
        agent = startAgent();
      }
      if (random.next() < 0.5) {
        address = random.pick(ADDRESSES.filter((other) => other !== address));
        await device.app.setAddress(address);
        counts.newAddresses += 1;
      }
      datastore = device.startDatastore();
    }
    await finishDownload();
    return counts;
  }

  it('is waited for and found again, and each byte comes once', async () => {
    const random = randomOfThisRun('datastore killed');
    const all = await Promise.all(devices.map((device) => torment(device, random.fork())));
    const sum = (of: (counts: Counts) => number) => all.reduce((total, counts) => total + of(counts), 0);
    report('datastore killed', {
      killsWhileStarting: sum(({ kills }) => kills.whileStarting),
      killsWhileSending: sum(({ kills }) => kills.whileSending),
      newAddresses: sum(({ newAddresses }) => newAddresses),
      downloads: sum(({ downloads }) => downloads),
      attempts: sum(({ attempts }) => attempts),
      receivedBytes: sum(({ receivedBytes }) => receivedBytes),
      neededBytes: sum(({ downloads }) => downloads) * IMAGE_BYTES,
    });
  });
});
