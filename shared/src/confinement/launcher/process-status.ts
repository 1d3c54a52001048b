// SPDX-License-Identifier: Apache-2.0
import type { KeptCalf } from './keep-calf.ts';
import { findMissing, LAYERS, type Layer, type LayerPlan, type MissingLayer } from './layer-plan.ts';
import type { LayersInForce } from './read-layers.ts';

/** A process of the agent that holds no rights, as the status tells it. */
export interface ProcessStatus {
  readonly name: string;
  /** `starting`: there is none at the moment; `failing`: it ended five times in a minute, and has not been well since. */
  readonly state: 'running' | 'starting' | 'failing';
  readonly pid: number | null;
  readonly user: number | null;
  /** How often it ended and was started again. */
  readonly restarts: number;
  /** What the kernel says is in force now; none while there is no process. */
  readonly layers: readonly string[];
  /** What this host does not give, and why. */
  readonly missing: readonly MissingLayer[];
  /** Datagrams that its sockets did not take, most by their filters; absent: it has none that the kernel counts for. */
  readonly droppedDatagrams?: number;
}

/** The layers that every host gives. */
function unconditional({ capEff, capPrm, noNewPrivs, seccomp }: LayersInForce): string[] {
  return [
    ...(capEff === 0n && capPrm === 0n ? ['no capabilities'] : []),
    ...(noNewPrivs ? ['no new privileges'] : []),
    ...(seccomp === 2 ? ['filter of system calls'] : []),
  ];
}

/**
 * What a kept calf is at the moment, by what the kernel says of it.
 *
 * @param ownUid of this process, which the calf is to have another one than
 */
export function processStatus(
  name: string,
  kept: KeptCalf,
  plan: LayerPlan,
  ownUid: number = process.geteuid?.() ?? -1,
): ProcessStatus {
  const calf = kept.current();
  const inForce = calf?.layers() ?? null;
  const state = kept.isDegraded() ? 'failing' : inForce === null ? 'starting' : 'running';
  const common = { name, state, restarts: kept.endCount() } as const;
  if (calf === null || inForce === null) {
    return { ...common, pid: null, user: null, layers: [], missing: plan.missing };
  }
  const missing = findMissing(inForce, plan, ownUid);
  const isThere = (layer: Layer) => missing.every((each) => each.layer !== layer);
  const layers = [...unconditional(inForce), ...(Object.keys(LAYERS) as Layer[]).filter(isThere)];
  return { ...common, pid: calf.pid, user: inForce.uid, layers, missing };
}
