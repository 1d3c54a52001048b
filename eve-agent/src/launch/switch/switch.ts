// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@local-datastore/shared/clock';
import { EngineError } from '@local-datastore/shared/engine/engine-client';
import type { Log } from '@local-datastore/shared/log';
import type { ContainerEngine, ContainerView } from '../engine/container-engine.ts';
import type { ContainerSpec } from '../engine/container-spec.ts';
import { type CarryOutOptions, carryOut, waitForEngine } from './carry-out.ts';
import { placeKept, placeOutside } from './container-address.ts';
import { nextSpec } from './container-bodies.ts';
import { convergeAll, listDeployments } from './converge-all.ts';
import { SwitchError, SwitchFailure } from './errors.ts';
import { measureGap } from './gap-meter.ts';
import { type HealthCheck, parseStoredHealth } from './health-check.ts';
import { isExclusive } from './is-exclusive.ts';
import { createJudge } from './judge.ts';
import { isDeploymentName, LABELS } from './names.ts';
import { observeContainers } from './observe.ts';
import { CONVERGE, createOneAtATime } from './one-at-a-time.ts';
import { type SwitchOutcome, toKept, toReached } from './outcome.ts';
import { chooseRollback, type Goal, nextGeneration } from './plan.ts';
import { type PortRule, planRedirects } from './port-rule.ts';
import type { Probes } from './probe.ts';
import type { StepDeps } from './run-step.ts';
import { findRole, type Observed } from './steps.ts';
import type { OnStep, Switch, Wanted, WantedVersion } from './switch-contract.ts';
import { tidyImages } from './tidy-images.ts';

export interface SwitchDeps {
  readonly engine: ContainerEngine;
  /** null: ports cannot be led elsewhere on this host. */
  readonly portRule: PortRule | null;
  readonly probes: Probes;
  readonly clock: Clock;
  /** The date, in milliseconds. */
  wallMs(): number;
  readonly log: Log;
  /** Ends every operation where it is: the process ends. */
  readonly ending: AbortSignal;
}

export interface SwitchOptions {
  /** Begins the names of containers and of repositories. */
  readonly prefix: string;
  /** An engine that is away is waited for so long. */
  readonly engineWaitMs: number;
  /** How long a version may still answer what it was asked before others were led elsewhere. */
  readonly drainMs: number;
  /**
   * Whether no image is on its way to a deployment: then those that no container is made of go when it is put right.
   * Absent: they stay.
   */
  mayTidy?(name: string): boolean;
}

const silent = () => {};
const always = () => true;
/** Of one request that measures the gap. */
const MEASURE_LIMIT_MS = 1000;

export function createSwitch(deps: SwitchDeps, options: SwitchOptions): Switch {
  const { engine, portRule, probes, clock, log, ending } = deps;
  const stepDeps: StepDeps = { engine, portRule, judge: createJudge(deps), clock, log };
  const operations = createOneAtATime(deps.wallMs);
  const baseOf = (name: string) => options.prefix + name;
  /** As repositories are written. */
  const repositoryOf = (name: string) => baseOf(name).toLowerCase();

  function optionsFor(name: string, onStep: OnStep, signal: AbortSignal): CarryOutOptions {
    return {
      base: baseOf(name),
      deployment: name,
      spec: null,
      settleMs: 0,
      drainMs: options.drainMs,
      ...{ keep: null, wasAway: false },
      engineWaitMs: options.engineWaitMs,
      ending,
      signal,
      onStep,
      measure: () => null,
    };
  }

  /** Runs an operation alone, with the engine there. */
  function alone(
    name: string,
    operation: string,
    task: () => Promise<SwitchOutcome>,
  ): Promise<SwitchOutcome> {
    if (!isDeploymentName(name)) {
      const message = `"${name}" cannot be the name of a deployment: letters, digits, ".", "_", "-", and none of the endings .try .new .back .old-N`;
      throw new SwitchError('NAME_INVALID', message);
    }
    return operations.run(name, operation, async () => {
      if (await waitForEngine(deps, options.engineWaitMs, ending)) return await task();
      const message = 'the container engine does not answer';
      throw new EngineError('ENGINE_UNREACHABLE', message, null);
    });
  }

  async function observe(name: string) {
    const seen = await observeContainers(engine, baseOf(name), name, ending);
    const observed: Observed = { containers: seen.map(({ version }) => version), hasRule: false };
    const viewOf = (id: string | undefined) => seen.find(({ view }) => view.id === id)?.view ?? null;
    return { observed, viewOf };
  }

  /** Asks what serves as its clients do, through its published port or at its own address, where its check says how. */
  function measurerOf(health: HealthCheck | null, spec: ContainerSpec | null) {
    return (serving: ContainerView) => {
      if (health === null || health.kind === 'command') return null;
      const bindings = spec?.HostConfig.PortBindings;
      const published = placeOutside(
        bindings ? { ...serving, portBindings: bindings } : serving,
        health.port,
      );
      const isTheSame = published?.port === placeOutside(serving, health.port)?.port;
      const kept = spec === null ? null : placeKept(serving, spec, health.port);
      const place = (isTheSame ? published : null) ?? kept;
      if (place === null) return null;
      const ask =
        health.kind === 'http'
          ? () => probes.http(place, health.path, MEASURE_LIMIT_MS)
          : () => probes.tcp(place, MEASURE_LIMIT_MS);
      return measureGap(clock, ask);
    };
  }

  /** One goal, and what it comes to. */
  async function pursue(goal: Goal, wanted: CarryOutOptions, mayTidy: () => boolean): Promise<SwitchOutcome> {
    const done = await carryOut(stepDeps, goal, wanted);
    const isBeside = 'isBeside' in goal && goal.isBeside;
    const hasNew =
      'generation' in goal && Number(done.serving?.labels[LABELS.generation] ?? 0) === goal.generation;
    // What went wrong after it was committed changes nothing of that.
    const isReached = done.failure === null || (hasNew && done.serving !== null);
    const late = isReached && done.failure !== null ? [done.failure.message] : [];
    const name = wanted.deployment;
    const observeNow = async () => (await observe(name)).observed;
    const warnings = await tidyImages({ engine, observe: observeNow, mayTidy }, repositoryOf(name), ending);
    const all = { ...done, warnings: [...done.warnings, ...late, ...warnings] };
    if (isReached || done.failure === null) return toReached(all, isBeside ? 'beside' : 'in-place');
    log.warn(
      { deployment: wanted.deployment, code: done.failure.code, reason: done.failure.message },
      'a deployment was not changed',
    );
    return toKept(done.failure, all);
  }

  /** What an earlier process left comes first. */
  const putRight = (name: string, onStep: OnStep) =>
    carryOut(stepDeps, { kind: 'converge' }, optionsFor(name, onStep, ending));

  /** Whether two can run at a time, and the ports be led to the one meanwhile. */
  async function chooseWay(spec: ContainerSpec, isServing: boolean, isAlone: boolean) {
    const isBeside = isServing && !isAlone && !isExclusive(spec);
    const anywhere = { networks: [{ name: '', ipv4: '192.0.2.1', ipv6: '', gateway: '' }] };
    const redirects = planRedirects(spec.HostConfig.PortBindings ?? {}, anywhere, '');
    return { isBeside, hasRule: isBeside && portRule !== null && redirects.length > 0 };
  }

  async function deploy(wanted: WantedVersion, onStep: OnStep, signal: AbortSignal): Promise<SwitchOutcome> {
    const { name, image, health } = wanted;
    const before = await putRight(name, onStep);
    const found = await engine.inspectImage(image.tag, ending);
    if (found?.id !== image.id) {
      const why = found === null ? 'is not there' : `is another image, ${found.id}`;
      return toKept(new SwitchFailure('IMAGE_MISSING', `the image ${image.tag} ${why}`), before);
    }
    const { observed } = await observe(name);
    const serving = findRole(observed, 'serving');
    const generation = nextGeneration(observed);
    const spec = nextSpec(
      { ...wanted.spec, Image: image.tag },
      {
        deployment: name,
        generation,
        replaces: serving?.generation ?? null,
        configDigest: image.configDigest,
        health,
        stopSeconds: wanted.stopSeconds,
        hasInit: await engine.hasInit(ending),
      },
    );
    const way = await chooseWay(spec, serving?.isUp === true, wanted.isExclusive === true);
    const { settleMs, keep } = wanted;
    return await pursue(
      { kind: 'deploy', generation, ...way },
      { ...optionsFor(name, onStep, signal), spec, settleMs, keep, measure: measurerOf(health, spec) },
      always,
    );
  }

  async function rollback(
    { name, settleMs, keep, generation: asked }: Parameters<Switch['rollback']>[0],
    onStep: OnStep,
    signal: AbortSignal,
  ): Promise<SwitchOutcome> {
    await putRight(name, onStep);
    const { observed, viewOf } = await observe(name);
    const target = chooseRollback(observed, asked);
    const view = viewOf(target?.id);
    if (target === null || view === null) {
      const which = asked === undefined ? 'an earlier version' : `version ${asked}`;
      throw new SwitchError('NOTHING_TO_ROLL_BACK', `${which} of ${name} is not kept`);
    }
    const kept = await engine.readSpec(target.id, ending);
    // One that was not made here has no labels, by which its candidate is to be found.
    const labels = { [LABELS.deployment]: name, [LABELS.generation]: String(target.generation) };
    const spec = { ...kept, Labels: { ...kept.Labels, ...labels } };
    const serving = findRole(observed, 'serving');
    const way = await chooseWay(spec, serving?.isUp === true, false);
    const health = parseStoredHealth(view.labels[LABELS.health]);
    return await pursue(
      { kind: 'rollback', generation: target.generation, ...way },
      { ...optionsFor(name, onStep, signal), spec, settleMs, keep, measure: measurerOf(health, spec) },
      always,
    );
  }

  /** What is done to the one that is there. @throws SwitchError NOT_DEPLOYED */
  async function change(
    kind: 'start' | 'stop' | 'restart' | 'remove',
    { name, settleMs }: Wanted,
    onStep: OnStep,
    signal: AbortSignal,
  ): Promise<SwitchOutcome> {
    if (kind !== 'remove') await putRight(name, onStep);
    const { observed, viewOf } = await observe(name);
    const serving = findRole(observed, 'serving');
    const isThere = kind === 'remove' ? observed.containers.length > 0 : serving !== undefined;
    if (!isThere) throw new SwitchError('NOT_DEPLOYED', `${name} has no version that was deployed`);
    const health = parseStoredHealth(viewOf(serving?.id)?.labels[LABELS.health]);
    const measure = kind === 'restart' ? measurerOf(health, null) : () => null;
    return await pursue(
      { kind },
      { ...optionsFor(name, onStep, signal), settleMs, measure },
      () => kind === 'remove',
    );
  }

  const api: Switch = {
    deploy: (wanted, onStep, signal) => alone(wanted.name, 'deploy', () => deploy(wanted, onStep, signal)),
    rollback: (wanted, onStep, signal) =>
      alone(wanted.name, 'rollback', () => rollback(wanted, onStep, signal)),
    start: (wanted, onStep, signal) =>
      alone(wanted.name, 'start', () => change('start', wanted, onStep, signal)),
    restart: (wanted, onStep, signal) =>
      alone(wanted.name, 'restart', () => change('restart', wanted, onStep, signal)),
    stop: (name, onStep, signal) =>
      alone(name, 'stop', () => change('stop', { name, settleMs: 0 }, onStep, signal)),
    remove: (name, onStep, signal) =>
      alone(name, 'remove', () => change('remove', { name, settleMs: 0 }, onStep, signal)),
    prune: (name, keep, onStep, signal) =>
      alone(name, 'prune', () =>
        pursue({ kind: 'converge' }, { ...optionsFor(name, onStep, signal), keep }, always),
      ),

    async converge(name, signal, wasAway = false) {
      if (operations.running(name) !== null || !isDeploymentName(name)) return null;
      const goal: Goal = { kind: 'converge' };
      return await alone(name, CONVERGE, () =>
        pursue(
          goal,
          { ...optionsFor(name, silent, signal), wasAway },
          () => options.mayTidy?.(name) === true,
        ),
      );
    },

    async versions(name, signal) {
      const seen = await observeContainers(engine, baseOf(name), name, signal);
      return seen
        .map(({ version: { generation, role }, view }) => ({ generation, role, container: view }))
        .sort((a, b) => b.generation - a.generation);
    },

    names: (signal) => listDeployments(engine, options.prefix, AbortSignal.any([signal, ending])),
    convergeAll: (signal, wasAway = false) =>
      convergeAll(
        { engine, portRule, log, versions: api },
        { prefix: options.prefix, wasAway },
        AbortSignal.any([signal, ending]),
      ),
    running: (name) => operations.running(name),
  };

  return api;
}
