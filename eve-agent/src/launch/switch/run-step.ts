// SPDX-License-Identifier: Apache-2.0
import { type Clock, waitUnlessAborted } from '@local-datastore/shared/clock';
import type { Log } from '@local-datastore/shared/log';
import type { ContainerEngine } from '../engine/container-engine.ts';
import type { ContainerSpec } from '../engine/container-spec.ts';
import { candidateSpec } from './container-bodies.ts';
import { SwitchFailure } from './errors.ts';
import { type HealthCheck, parseStoredHealth } from './health-check.ts';
import type { Judge } from './judge.ts';
import { containerName, LABELS } from './names.ts';
import { type PortRule, planRedirects } from './port-rule.ts';
import type { Step } from './steps.ts';

export interface StepDeps {
  readonly engine: ContainerEngine;
  /** null: ports cannot be led elsewhere on this host. */
  readonly portRule: PortRule | null;
  readonly judge: Judge;
  readonly clock: Clock;
  readonly log: Log;
}

/** What the steps of one operation go by. */
export interface StepContext {
  /** The plain name, prefix included. */
  readonly base: string;
  /** Of the new version; null where none is made. */
  readonly spec: ContainerSpec | null;
  readonly settleMs: number;
  readonly drainMs: number;
}

/** Nothing is asked of one that is back but when it answers, and not for longer. */
const AWAIT_LIMIT_MS = 60_000;

/** Does one step. @throws SwitchFailure, EngineError, the signal's reason */
export async function runStep(
  { engine, portRule, judge, clock, log }: StepDeps,
  { base, spec, settleMs, drainMs }: StepContext,
  step: Step,
  signal: AbortSignal,
): Promise<void> {
  const healthOf = async (id: string): Promise<HealthCheck | null> =>
    parseStoredHealth((await engine.inspect(id, signal))?.labels[LABELS.health]);

  async function addRule(candidate: string): Promise<void> {
    const view = await engine.inspect(candidate, signal);
    const network = view?.networks[0] && (await engine.inspectNetwork(view.networks[0].name, signal));
    const bindings = spec?.HostConfig.PortBindings ?? {};
    const redirects = view && network?.bridge ? planRedirects(bindings, view, network.bridge) : [];
    if (portRule === null || redirects.length === 0) throw new Error('its ports cannot be led elsewhere');
    await portRule.add(base, redirects, signal);
  }

  switch (step.kind) {
    case 'create': {
      if (spec === null) throw new Error('there is nothing to make a container of');
      const isCandidate = step.role === 'candidate';
      const body = isCandidate ? candidateSpec(spec) : spec;
      await engine.create(containerName(base, step.role, 0), body, signal);
      return;
    }
    case 'start':
      return await engine.start(step.target.id, signal);
    case 'restart':
      return await engine.restart(step.target.id, signal);
    case 'stop':
      return await engine.stop(step.target.id, signal);
    case 'remove':
      return await engine.remove(step.target.id, step.target.isOurs, signal);
    case 'rename':
      return await engine.rename(step.target.id, containerName(base, step.to, step.number), signal);
    case 'set-restart':
      return await engine.setRestartPolicy(step.target.id, step.policy, signal);
    case 'judge': {
      const { id, role } = step.target;
      // Where nothing else tells how it is, a candidate shows that it runs; the others are watched after this.
      const runMs = role === 'candidate' ? settleMs : 0;
      return await judge.untilHealthy(id, { health: await healthOf(id), runMs }, signal);
    }
    case 'await': {
      const limited = AbortSignal.any([signal, AbortSignal.timeout(AWAIT_LIMIT_MS)]);
      try {
        const health = await healthOf(step.target.id);
        await judge.untilHealthy(step.target.id, { health, runMs: 0 }, limited);
      } catch (error) {
        signal.throwIfAborted();
        const isJudged = error instanceof SwitchFailure || limited.aborted;
        if (!isJudged) throw error;
        log.warn({ container: base, reason: String(error) }, 'what is back to serve is not well');
      }
      return;
    }
    case 'settle': {
      const [first] = step.targets;
      if (first === undefined) return;
      const ids = step.targets.map(({ id }) => id);
      return await judge.watch(ids, await healthOf(first.id), settleMs, signal);
    }
    case 'drain':
      await waitUnlessAborted(clock, drainMs, signal);
      return signal.throwIfAborted();
    case 'add-rule':
      return await addRule(step.target.id);
    case 'remove-rule':
      return await portRule?.remove(base, signal);
  }
}
