// SPDX-License-Identifier: Apache-2.0
/**
 * The switch of versions is killed before each of its steps, and before each change of the packet filter, with Docker's
 * engine and a client on another host that asks all the time. Of others it is reported that a failed update leaves
 * nothing running (watchtower #1385, moby #37972), and that locks outlive who held them (kamal #1844).
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ContainerSpec } from '../../eve-agent/src/launch/engine/container-spec.ts';
import {
  createSwitchHost,
  NAME,
  type SwitchHost,
  type SwitchRun,
  URL_OUTSIDE,
} from '../lab/switch/switch-host.ts';
import { randomOfThisRun } from '../random.ts';
import { describeWith } from '../requirements.ts';
import { repetitions } from '../soak.ts';
import { report } from './fault-lab.ts';

const KILLS = repetitions({ short: 8, long: 100 });
const TIMEOUT_MS = repetitions({ short: 900_000, long: 3_000_000 });

interface Way {
  readonly name: string;
  readonly withoutRule?: boolean;
  readonly spec?: Partial<ContainerSpec>;
  readonly isRollback?: boolean;
  /** What answers afterwards is not the new one. */
  readonly isBad?: boolean;
  /** No request fails, wherever it was killed. */
  readonly isGapless?: boolean;
}

const exclusive = { HostConfig: { Binds: ['/tmp:/shared'] } };
const WAYS: readonly Way[] = [
  { name: 'with a rule', isGapless: true },
  { name: 'without a rule', withoutRule: true },
  { name: 'in place', spec: exclusive },
  { name: 'back, with a rule', isRollback: true, isGapless: true },
  { name: 'a bad version in place', spec: { ...exclusive, Cmd: ['/bin/sh', '-c', 'exit 3'] }, isBad: true },
];

interface Point {
  readonly way: Way;
  readonly step: string;
  readonly kill: Pick<SwitchRun, 'killBeforeStep' | 'killBeforeTool'>;
}

describeWith(['lab', 'root', 'dockerd', 'iptables', 'nginx', 'curl'], 'the switch, killed', () => {
  let host: SwitchHost;
  beforeAll(async () => {
    host = await createSwitchHost();
    for (const word of ['v1', 'v2', 'bad']) await host.buildImage(word);
  });
  afterAll(() => host?.stop());

  const ask = async () =>
    (await host.neighbour.mustRun(['curl', '--silent', '--fail', '--max-time', '20', URL_OUTSIDE])).trim();
  let serving = 'v1';
  const other = () => (serving === 'v1' ? 'v2' : 'v1');
  function start(way: Way, kill: Point['kill'] = {}) {
    const withoutRule = way.withoutRule ?? false;
    const deploy = () => host.version(way.isBad ? 'bad' : other(), way.spec, { keep: 1 });
    const action: SwitchRun['action'] = way.isRollback
      ? { kind: 'rollback', name: NAME }
      : { kind: 'deploy', version: deploy() };
    return host.run({ withoutRule, action, ...kill });
  }
  /** A rollback leads to the version before the one that serves: one that can run beside it. */
  async function prepare(way: Way): Promise<void> {
    for (let count = 0; way.isRollback && count < 2; count += 1) {
      await host.run({ action: { kind: 'deploy', version: host.version(other(), {}, { keep: 1 }) } });
      serving = other();
    }
  }

  // balena-supervisor #1413, #1632: two containers, or none.
  it('leaves one version that serves, and no rule or candidate', { timeout: TIMEOUT_MS }, async () => {
    const random = randomOfThisRun('switch killed');
    await host.run({ action: { kind: 'deploy', version: host.version(serving) } });
    const asker = await host.startAsking();

    // What steps there are is seen by what is not killed.
    const points: Point[] = [];
    for (const way of WAYS) {
      await prepare(way);
      const { steps, outcome } = await start(way);
      expect(outcome?.kind, way.name).toBe(way.isBad ? 'kept' : 'committed');
      if (outcome?.kind === 'committed') serving = other();
      const { failed } = await asker.look();
      if (way.isGapless) expect(failed, way.name).toBe(0);
      for (const [index, step] of steps.entries()) {
        points.push({ way, step, kill: { killBeforeStep: index + 1 } });
        // Three rules, each added and removed by a call of its own.
        if (step !== 'add-rule candidate') continue;
        for (let tool = 1; tool <= 6; tool += 1) {
          points.push({ way, step: `rule ${tool}`, kill: { killBeforeTool: tool } });
        }
      }
    }

    // Spread over all of them, however many are wanted.
    const first = random.integer(0, points.length - 1);
    const killed = new Map<string, number>();
    let committed = 0;
    let requests = 0;
    for (let count = 0; count < KILLS; count += 1) {
      const at =
        (first + Math.floor((count * points.length) / Math.min(KILLS, points.length))) % points.length;
      const { way, step, kill } = points[at] as Point;
      await prepare(way);
      const where = `${way.name}, killed before "${step}"`;
      const { outcome } = await start(way, kill);
      expect(outcome, where).toBeNull();
      const { outcome: converged } = await host.run({ action: { kind: 'converge' } });
      expect(converged, where).toMatchObject({ [NAME]: { kind: 'committed', warnings: [] } });
      const { failed, asked, words } = await asker.look();
      if (way.isGapless) expect(failed, where).toBe(0);
      expect(
        Object.keys(words).filter((word) => !/^v[12]$/.test(word)),
        where,
      ).toEqual([]);
      requests += asked;

      const word = await ask();
      expect(way.isBad ? [serving] : ['v1', 'v2'], where).toContain(word);
      if (word !== serving) committed += 1;
      serving = word;
      const containers = await host.containers();
      expect(containers.get('ed_web'), where).toBe('running');
      expect(
        [...containers].filter(([, state]) => state === 'running'),
        where,
      ).toHaveLength(1);
      expect(
        [...containers.keys()].filter((name) => !/^ed_web(\.old-\d+)?$/.test(name)),
        where,
      ).toEqual([]);
      expect(await host.rules(), where).toEqual([]);
      killed.set(way.name, (killed.get(way.name) ?? 0) + 1);
    }
    await asker.stop();
    report('switch killed', {
      kills: Object.fromEntries(killed),
      points: points.length,
      committed,
      requests,
    });
    expect(requests).toBeGreaterThan(KILLS);
  });
});
