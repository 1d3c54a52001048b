/** The process that speaks to the network is killed at random moments while several downloads run. */
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { makeImage, sha256Of } from '../integration/image-server.ts';
import { type App, createLab, type Lab } from '../lab/lab.ts';
import { startDatastore } from '../lab/programs.ts';
import { createServiceAgent, treeOf } from '../lab/service-agent.ts';
import { askSocket } from '../lab/socket-request.ts';
import { randomOfThisRun } from '../random.ts';
import { describeWith } from '../requirements.ts';
import { repetitions } from '../soak.ts';
import { report } from './fault-lab.ts';

const KILLS = repetitions({ short: 10, long: 100 });
/** It is waited longer for each that follows soon, and so another agent is begun with. */
const KILLS_OF_AN_AGENT = 4;
const IMAGE_BYTES = 6 * 1024 * 1024 + 321;
const IMAGES = 3;
/** 5 MB/s for all of them together. */
const RATE = ['tbf', 'rate', '40mbit', 'burst', '64kb', 'latency', '400ms'];
/** Of Ethernet, IP and TCP, beside what they carry; more than measured. */
const HEADER_SHARE = 0.06;
/** Of each download, what was received and not on its way to the agent yet; multicast DNS, requests and heads. */
const BYTES_PER_KILL = IMAGES * 1024 * 1024;

interface Process {
  readonly pid: number | null;
}

describeWith(['lab', 'tc'], 'the process that speaks to the network, killed at random moments', () => {
  let folder: string;
  let lab: Lab;
  let app: App;
  const images = Array.from({ length: IMAGES }, (_, i) => makeImage(IMAGE_BYTES + i, `image ${i}`));

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'process-killed-'));
    await mkdir(join(folder, 'root', 'images'), { recursive: true });
    for (const [index, image] of images.entries()) {
      await writeFile(join(folder, 'root', 'images', `${index}.img`), image);
    }
    lab = await createLab();
    await lab.addBridge('bn1', '10.1.0.1/24');
    app = await lab.addApp({ name: 'ds', bridge: 'bn1', address: '10.1.0.5/24' });
    await app.mustRun(['tc', 'qdisc', 'replace', 'dev', 'eth0', 'root', ...RATE]);
    const args = ['--root', join(folder, 'root'), '--state', join(folder, 'ds-state'), '--host-name', 'ds'];
    await startDatastore(app, args);
  });
  afterAll(async () => {
    await lab?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  async function wireBytes(): Promise<number> {
    const [link] = JSON.parse(await lab.host.mustRun(['ip', '-json', '-stats', 'link', 'show', 'veth-ds']));
    return link.stats64.rx.bytes as number;
  }

  it('loses no download, stores nothing twice, and gives no name to what is wrong', async () => {
    const random = randomOfThisRun('process killed');
    const counts = { kills: 0, downloads: 0, agents: 0, resumed: 0, wireBytes: 0, neededBytes: 0 };
    const wireBefore = await wireBytes();
    while (counts.kills < KILLS) {
      const agent = await createServiceAgent(lab, folder);
      counts.agents += 1;
      const { state } = agent;
      const socket = join(state, 'agent.sock');
      const pidNow = async () =>
        ((await askSocket(socket, '/v1/status')) as { processes: Process[] }).processes[0]?.pid ?? null;
      const named = () => readdir(join(state, 'images')).catch(() => []);
      /** Each is absent or whole. */
      const countWhole = async () => {
        for (const name of await named()) {
          const bytes = await readFile(join(state, 'images', name));
          expect(sha256Of(bytes)).toBe(sha256Of(images[Number(name.split('-')[1])] as Buffer));
        }
        return (await named()).length;
      };
      const partialBytes = async (image: Buffer) =>
        (await stat(join(state, 'pending', `.${sha256Of(image)}.partial`)).catch(() => null))?.size ?? 0;
      /** Where the downloads of an image began, from a place in the log on. */
      const beginnings = (image: Buffer, from: number) =>
        agent
          .log()
          .slice(from)
          .split('\n')
          .filter((line) => line.includes('"msg":"receiving"') && line.includes(sha256Of(image)))
          .map((line) => (JSON.parse(line) as { fromBytes: number }).fromBytes);
      const checks: (() => void)[] = [];
      await agent.configure(images.map((image, index) => treeOf(index, `${index}.img`, image)));
      await agent.start('--separation');
      for (let kill = 0; kill < KILLS_OF_AN_AGENT && counts.kills < KILLS; kill += 1) {
        // Its start, its questions, and any part of the downloads.
        await delay(random.next() * 1500);
        const pid = await pidNow();
        if ((await countWhole()) === IMAGES) break;
        if (pid === null) continue;
        process.kill(pid, 'SIGKILL');
        counts.kills += 1;
        await expect.poll(pidNow).not.toBe(pid);
        const place = agent.log().length;
        for (const image of images) {
          const stored = await partialBytes(image);
          // No stored byte is fetched again.
          checks.push(() => {
            const [next] = beginnings(image, place);
            if (next === undefined) return;
            expect(next).toBeGreaterThanOrEqual(stored);
            if (stored > 0) counts.resumed += 1;
          });
        }
        await expect.poll(pidNow).not.toBeNull();
      }
      await expect.poll(countWhole).toBe(IMAGES);
      for (const check of checks) check();
      for (const index of images.keys()) await agent.expectState(index, { State: 'VERIFIED', Error: '' });
      expect(await readdir(join(state, 'pending'))).toEqual([]);
      expect(await agent.end('SIGTERM')).toBe(0);
      counts.downloads += IMAGES;
    }
    counts.wireBytes = (await wireBytes()) - wireBefore;
    counts.neededBytes = counts.agents * images.reduce((sum, { length }) => sum + length, 0);
    report('process killed', counts);
    expect(counts.resumed).toBeGreaterThan(0);
    const mayComeAgain = counts.kills * BYTES_PER_KILL;
    expect(counts.wireBytes).toBeLessThan((counts.neededBytes + mayComeAgain) * (1 + HEADER_SHARE));
  });
});
