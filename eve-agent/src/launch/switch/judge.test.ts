// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import type { ContainerSpec } from '../engine/container-spec.ts';
import { createScriptedEngine, type ScriptedProgram, scriptedCommand } from '../engine/scripted-engine.ts';
import type { HealthCheck } from './health-check.ts';
import { createJudge } from './judge.ts';
import type { ProbeResult } from './probe.ts';
import { createHastyClock } from './scripted-switch.ts';

const { signal } = new AbortController();
const http: HealthCheck = {
  kind: 'http',
  ...{ port: 80, path: '/', intervalMs: 1000, timeoutMs: 500, startPeriodMs: 2000, retries: 3 },
};

/** @param answers of the probes, one after another; the last again and again */
async function createScene(
  program: ScriptedProgram,
  answers: readonly ProbeResult[] = [],
  more: Partial<ContainerSpec> = {},
) {
  const engine = createScriptedEngine();
  const clock = createHastyClock();
  engine.addImage('sha256:a', 'a:1');
  const id = await engine.create(
    'aa',
    { Image: 'a:1', Cmd: scriptedCommand(program), HostConfig: {}, ...more },
    signal,
  );
  await engine.start(id, signal);
  const asked: number[] = [];
  const ask = async () => {
    asked.push(clock.nowMs());
    return answers[Math.min(asked.length, answers.length) - 1] ?? null;
  };
  const judge = createJudge({ engine, clock, probes: { http: ask, tcp: ask } });
  return { engine, clock, id, judge, asked };
}

describe('a version is healthy', () => {
  it('with the first answer that is as it should be, though others came before', async () => {
    const { judge, id, asked, clock } = await createScene({}, ['refused', 'refused', null]);
    await judge.untilHealthy(id, { health: http, runMs: 0 }, signal);
    expect(asked).toHaveLength(3);
    expect(clock.nowMs()).toBeLessThan(http.intervalMs);
  });
  it('by its own check, before the engine says so', async () => {
    const Healthcheck = { Test: ['CMD', '/check'], Interval: 30e9 };
    const { judge, id, clock } = await createScene({}, [], { Healthcheck });
    await judge.untilHealthy(id, { health: null, runMs: 5000 }, signal);
    expect(clock.nowMs()).toBeLessThan(1000);
  });
  it('at an address that is known later than it runs', async () => {
    const { engine, id, clock } = await createScene({});
    let looks = 0;
    const hidden: typeof engine = {
      ...engine,
      async inspect(container, until) {
        const view = await engine.inspect(container, until);
        looks += 1;
        return view && { ...view, networks: looks > 4 ? view.networks : [] };
      },
    };
    const places: string[] = [];
    const ask = async ({ address }: { address: string }) => {
      places.push(address);
      return null;
    };
    const judge = createJudge({ engine: hidden, clock, probes: { http: ask, tcp: ask } });
    await judge.untilHealthy(id, { health: http, runMs: 0 }, signal);
    expect(places).toEqual([expect.stringMatching(/^172\./)]);
  });
  it('without any check once it has run for the time', async () => {
    const { judge, id, clock } = await createScene({});
    await judge.untilHealthy(id, { health: null, runMs: 5000 }, signal);
    expect(clock.nowMs()).toBeGreaterThanOrEqual(5000);
  });
});

describe('a version without an address', () => {
  /** @param looks so many find none */
  async function createLateScene(looks: number) {
    const scene = await createScene({}, ['refused', null]);
    const { inspect } = scene.engine;
    let count = 0;
    scene.engine.inspect = async (container, until) => {
      const view = await inspect(container, until);
      count += 1;
      return view && (count > looks ? view : { ...view, networks: [] });
    };
    return scene;
  }
  it('is asked once it has one, and where that is again after a failure', async () => {
    const { judge, id, asked } = await createLateScene(7);
    await judge.untilHealthy(id, { health: http, runMs: 0 }, signal);
    expect(asked).toHaveLength(2);
  });
  it('is not healthy', async () => {
    const { judge, id, asked } = await createLateScene(Number.POSITIVE_INFINITY);
    const judged = judge.untilHealthy(id, { health: http, runMs: 0 }, signal);
    await expect(judged).rejects.toMatchObject({
      code: 'UNHEALTHY',
      message: 'it has no address where the host could reach it',
    });
    expect(asked).toEqual([]);
  });
});

describe('a version is refused', () => {
  it('that has ended, with how it ended and what it wrote', async () => {
    const lines = Array.from({ length: 30 }, (_, i) => `line ${i}`);
    const { judge, id } = await createScene({ exitCode: 3, out: lines, err: ['cannot find config'] });
    await expect(judge.untilHealthy(id, { health: http, runMs: 0 }, signal)).rejects.toMatchObject({
      ...{ code: 'EXITED', message: 'it exited with 3' },
      logs: [...lines.slice(11), 'cannot find config'],
    });
  });
  it('that is gone', async () => {
    const { judge, id, engine } = await createScene({});
    await engine.remove(id, true, signal);
    const judged = judge.untilHealthy(id, { health: null, runMs: 0 }, signal);
    await expect(judged).rejects.toMatchObject({ code: 'EXITED', message: expect.stringContaining('gone') });
  });
  it('that is not healthy in time, and not before', async () => {
    const { judge, id, clock } = await createScene({}, ['it answers 503']);
    const judged = judge.untilHealthy(id, { health: http, runMs: 0 }, signal);
    await expect(judged).rejects.toMatchObject({ code: 'UNHEALTHY', message: 'it answers 503' });
    expect(clock.nowMs()).toBeGreaterThanOrEqual(2000 + 3 * 1000 + 500);
  });
  it('that its own check is not content with', async () => {
    const Healthcheck = { Test: ['CMD', '/check'] };
    const { judge, id } = await createScene({ isHealthy: false }, [], { Healthcheck });
    const judged = judge.untilHealthy(id, { health: null, runMs: 0 }, signal);
    await expect(judged).rejects.toMatchObject({
      code: 'UNHEALTHY',
      message: 'its check ends with 1: not well',
    });
  });
});

describe('a version that has ended with its engine', () => {
  /** @param goesAway how the engine is told of, before it is asked of the version that ended */
  async function createEndedScene(goesAway: () => Promise<void>) {
    const scene = await createScene({ exitCode: 0 });
    scene.engine.untilAway = goesAway;
    return scene;
  }
  const away = { code: 'ENGINE_UNREACHABLE', message: expect.stringContaining('went away') };
  it('is not blamed, while it is judged and while it settles', async () => {
    const { judge, id } = await createEndedScene(async () => {});
    await expect(judge.untilHealthy(id, { health: http, runMs: 0 }, signal)).rejects.toMatchObject(away);
    await expect(judge.watch([id], http, 1500, signal)).rejects.toMatchObject(away);
  });
  it('is, where the engine only does not tell of its events', async () => {
    const { judge, id } = await createEndedScene(async () => {
      throw new Error('forbidden');
    });
    const judged = judge.untilHealthy(id, { health: http, runMs: 0 }, signal);
    await expect(judged).rejects.toMatchObject({ code: 'EXITED' });
  });
});

describe('while it settles', () => {
  it.each([
    ['one failure is none', [null, 'slow', null], true],
    ['as many as are allowed are too many', [null, 'slow', 'slow', 'slow'], false],
    ['none may be left in the end', ['slow', 'slow', null], true],
  ] as const)('%s', async (_what, answers, isWell) => {
    const { judge, id } = await createScene({}, answers);
    const watched = judge.watch([id], http, 1500, signal);
    if (isWell) await watched;
    else await expect(watched).rejects.toMatchObject({ code: 'UNHEALTHY', message: 'slow' });
  });
  it('a second start shows', async () => {
    const { judge, id, engine, clock } = await createScene({});
    clock.after(1000, () => void engine.restart(id, signal));
    const watched = judge.watch([id], http, 5000, signal);
    await expect(watched).rejects.toMatchObject({
      code: 'EXITED',
      message: 'it ended, and was started again',
    });
  });
  it('it may be called off', async () => {
    const { judge, id, clock } = await createScene({});
    const off = new AbortController();
    clock.after(1000, () => off.abort(new Error('enough')));
    await expect(judge.watch([id], null, 5000, off.signal)).rejects.toThrow('enough');
  });
});
