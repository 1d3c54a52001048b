// SPDX-License-Identifier: Apache-2.0
/**
 * The processes that speak to the network and verify are killed at random moments, while agents have several downloads:
 * each goes on, and what they tell of is right at any time.
 */
import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { makeImage } from '../integration/image-server.ts';
import { type App, createLab, type Lab } from '../lab/lab.ts';
import { eveAgent, startDatastore } from '../lab/programs.ts';
import { createServiceAgent, type ServiceAgent, treeOf } from '../lab/service-agent.ts';
import { askSocket } from '../lab/socket-request.ts';
import { type Random, randomOfThisRun } from '../random.ts';
import { describeWith } from '../requirements.ts';
import { repetitions } from '../soak.ts';
import { report } from './fault-lab.ts';

/** One is started again after 1, 2, 4 seconds: agents beside each other have more of them in that time. */
const AGENTS = 4;
const KILLS_OF_EACH = 3;
const ROUNDS = repetitions({ short: 1, long: 9 });
const WITHIN_MS = 1500;
const IMAGES = ['a', 'b', 'c'].map((name) => ({
  name: `${name}.img`,
  bytes: makeImage(3 * 1024 * 1024 + 321, name),
}));
/** About 3 MB/s for all of them. */
const SLOW_LINK = ['tbf', 'rate', '24mbit', 'burst', '64kb', 'latency', '400ms'];

describeWith(['lab', 'tc'], 'the processes of an agent, killed at random moments', () => {
  let folder: string;
  let lab: Lab;
  let app: App;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'calf-killed-'));
    await mkdir(join(folder, 'root', 'images'), { recursive: true });
    for (const { name, bytes } of IMAGES) await writeFile(join(folder, 'root', 'images', name), bytes);
    lab = await createLab();
    await lab.addBridge('bn1', '10.1.0.1/24');
    app = await lab.addApp({ name: 'ds', bridge: 'bn1', address: '10.1.0.5/24' });
    const args = ['--root', join(folder, 'root'), '--state', join(folder, 'ds-state'), '--host-name', 'ds'];
    await startDatastore(app, args);
  });
  afterAll(async () => {
    await lab?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  /** The process of that name that runs now; null: the next one is not there yet. */
  async function calfOf({ state }: ServiceAgent, wanted: string): Promise<number | null> {
    const status = await askSocket(join(state, 'agent.sock'), '/v1/status');
    const { processes } = status as { processes: { name: string; pid: number | null; state: string }[] };
    const found = processes.find(({ name }) => name === wanted);
    return found?.state === 'starting' ? null : (found?.pid ?? null);
  }
  /** What has a name is what was to have it, whatever is under way. */
  async function expectNothingWrong({ state }: ServiceAgent): Promise<void> {
    for (const [index, { bytes }] of IMAGES.entries()) {
      const found = await readFile(join(state, 'images', `image-${index + 1}`)).catch(() => null);
      if (found !== null) expect(found.equals(bytes)).toBe(true);
    }
  }

  async function killAgainAndAgain(agent: ServiceAgent, random: Random): Promise<void> {
    const killed = new Set<number>();
    for (let kill = 0; kill < KILLS_OF_EACH; kill += 1) {
      const name = random.next() < 0.5 ? 'net' : 'verifier';
      const next = async () => {
        const pid = await calfOf(agent, name);
        return pid !== null && !killed.has(pid) ? pid : null;
      };
      await expect.poll(next, { interval: 20 }).not.toBeNull();
      await delay(random.next() * WITHIN_MS);
      const pid = await calfOf(agent, name);
      // Nobody else ends it: one that was seen is there until its agent has been told otherwise.
      if (pid === null) throw new Error(`${name} ended by itself: ${agent.log()}`);
      killed.add(pid);
      process.kill(pid, 'SIGKILL');
      await expectNothingWrong(agent);
    }
  }

  async function expectRightEnd(agent: ServiceAgent): Promise<void> {
    for (const index of IMAGES.keys()) await agent.expectState(index + 1, { State: 'VERIFIED', Error: '' });
    await expectNothingWrong(agent);
    expect(await readdir(join(agent.state, 'pending'))).toEqual([]);
    expect((await readdir(join(agent.state, 'verified'))).length).toBe(IMAGES.length);
    expect(await agent.end('SIGTERM')).toBe(0);
    const [node = '', ...args] = eveAgent('audit', '--verify', '--state', agent.state);
    const { status, stdout } = spawnSync(node, args, { encoding: 'utf8' });
    expect([status, stdout]).toEqual([0, expect.stringContaining('The audit log is whole')]);
  }

  it(
    'is started again, and all downloads come to their right end',
    async () => {
      const random = randomOfThisRun('calf killed');
      for (let round = 0; round < ROUNDS; round += 1) {
        await app.mustRun(['tc', 'qdisc', 'replace', 'dev', 'eth0', 'root', ...SLOW_LINK]);
        const agents = await Promise.all(
          Array.from({ length: AGENTS }, () => createServiceAgent(lab, folder)),
        );
        try {
          await Promise.all(
            agents.map(async (agent) => {
              await agent.configure(IMAGES.map(({ name, bytes }, index) => treeOf(index + 1, name, bytes)));
              await agent.start('--separation', '--retry-interval', '1');
              await killAgainAndAgain(agent, random.fork());
            }),
          );
          await app.run(['tc', 'qdisc', 'del', 'dev', 'eth0', 'root']);
          for (const agent of agents) await expectRightEnd(agent);
        } finally {
          for (const agent of agents) await agent.end('SIGKILL');
        }
      }
      report('calf killed', {
        kills: ROUNDS * AGENTS * KILLS_OF_EACH,
        downloads: ROUNDS * AGENTS * IMAGES.length,
      });
    },
    repetitions({ short: 900_000, long: 3_600_000 }),
  );
});
