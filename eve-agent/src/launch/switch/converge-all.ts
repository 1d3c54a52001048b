// SPDX-License-Identifier: Apache-2.0
import { EngineError } from '@local-datastore/shared/engine/engine-client';
import { errorMessage } from '@local-datastore/shared/errors';
import type { Log } from '@local-datastore/shared/log';
import type { ContainerEngine } from '../engine/container-engine.ts';
import { LABELS, roleOfName } from './names.ts';
import type { SwitchOutcome } from './outcome.ts';
import type { PortRule } from './port-rule.ts';
import type { Switch } from './switch-contract.ts';

export interface ConvergeAllDeps {
  readonly engine: ContainerEngine;
  readonly portRule: PortRule | null;
  readonly log: Log;
  readonly versions: Pick<Switch, 'converge' | 'running'>;
}

/** The deployments that an engine has containers of. Another prefix is another agent's, or of what was configured once. */
export async function listDeployments(
  engine: ContainerEngine,
  prefix: string,
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  const names = new Set<string>();
  for (const id of await engine.list(LABELS.deployment, signal)) {
    const view = await engine.inspect(id, signal);
    const name = view?.labels[LABELS.deployment];
    if (view && name !== undefined && roleOfName(prefix + name, view.name)) names.add(name);
  }
  return names;
}

/** Each on its own: one that cannot be put right stops no other. @throws EngineError; the signal's reason */
export async function convergeAll(
  { engine, portRule, log, versions }: ConvergeAllDeps,
  { prefix, wasAway }: { readonly prefix: string; readonly wasAway: boolean },
  signal: AbortSignal,
): Promise<Map<string, SwitchOutcome | null>> {
  const names = await listDeployments(engine, prefix, signal);
  const outcomes = new Map<string, SwitchOutcome | null>();
  for (const name of names) {
    try {
      outcomes.set(name, await versions.converge(name, signal, wasAway));
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof EngineError && error.code === 'ENGINE_UNREACHABLE') throw error;
      log.error({ deployment: name, reason: errorMessage(error) }, 'a deployment cannot be put right');
    }
  }
  // Of deployments without a container: the rules of all others were seen to with them.
  for (const holder of (await portRule?.list(signal)) ?? []) {
    const name = holder.slice(prefix.length);
    const isOurs = holder.startsWith(prefix) && !names.has(name) && versions.running(name) === null;
    if (isOurs) await portRule?.remove(holder, signal);
  }
  return outcomes;
}
