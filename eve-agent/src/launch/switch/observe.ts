// SPDX-License-Identifier: Apache-2.0
import type { ContainerEngine, ContainerView } from '../engine/container-engine.ts';
import { adoptedNames, LABELS, toVersionContainer, type VersionContainer } from './names.ts';

/** A container of a deployment, as the plan and as the engine see it. */
export interface SeenContainer {
  readonly version: VersionContainer;
  readonly view: ContainerView;
}

/**
 * The containers of a deployment, from the engine.
 *
 * @param base the plain name, prefix included
 * @throws EngineError; the signal's reason
 */
export async function observeContainers(
  engine: ContainerEngine,
  base: string,
  deployment: string,
  signal: AbortSignal,
): Promise<SeenContainer[]> {
  const ids = await engine.list(`${LABELS.deployment}=${deployment}`, signal);
  // What was not made here has no label, and is found by the names that it may have.
  const views = await Promise.all(
    [...ids, ...adoptedNames(base)].map((each) => engine.inspect(each, signal)),
  );
  const byId = new Map(views.flatMap((view) => (view === null ? [] : [[view.id, view] as const])));
  return [...byId.values()].flatMap((view) => {
    const version = toVersionContainer(base, deployment, view);
    return version === undefined || view.state === 'removing' ? [] : [{ version, view }];
  });
}
