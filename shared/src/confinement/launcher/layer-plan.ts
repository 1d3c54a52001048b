// SPDX-License-Identifier: Apache-2.0
import { CAP } from '../system/kernel-constants.ts';
import type { LayersInForce } from './read-layers.ts';

/**
 * Layers that not every host can give. The others need no right, and a calf is not started without them: no descriptors
 * but its own, no capabilities, no new privileges, the filter of system calls, limits, Node's permission model.
 */
export const LAYERS = {
  'own user': 'it runs as another user than who starts it, and so may neither signal it nor open its files',
  'no bounding set': 'no capability can come back by a file that is executed',
  'network namespace': 'it has no network interface',
  'mount namespace': 'it sees no file but the ones that Node starts from',
  'IPC namespace': 'it shares no System V memory or queue',
  'UTS namespace': 'it cannot see a change of the host name',
} as const;

export type Layer = keyof typeof LAYERS;

/** The reason of a layer that was planned. */
export const REFUSED_BY_KERNEL = 'the kernel refused it';

export interface MissingLayer {
  readonly layer: Layer;
  /** A clause that goes on with "since". */
  readonly reason: string;
}

/** What is done of the layers that need a right, and what cannot be. */
export interface LayerPlan {
  readonly hasOwnUser: boolean;
  readonly dropsBoundingSet: boolean;
  readonly hasNamespaces: boolean;
  /** The launcher is started in a user namespace, in which it has all rights, but over nothing outside. */
  readonly hasUserNamespace: boolean;
  readonly missing: readonly MissingLayer[];
}

const NAMESPACE_LAYERS = ['network namespace', 'mount namespace', 'IPC namespace', 'UTS namespace'] as const;

const has = (capabilities: bigint, capability: number) => (capabilities & (1n << BigInt(capability))) !== 0n;

/**
 * Which layers this process can give a calf. As root on a host all of them; in a container, or as an ordinary user, as
 * far as its capabilities reach, or those of a user namespace.
 *
 * @param own this process's own, from `/proc/self/status`
 * @param canUnshareUser whether an ordinary user may make user namespaces here; asked only where that helps
 */
export function planLayers(
  own: Pick<LayersInForce, 'capEff' | 'capBnd'>,
  canUnshareUser: () => boolean,
): LayerPlan {
  const hasOwnUser = has(own.capEff, CAP.SETUID) && has(own.capEff, CAP.SETGID);
  const isAdmin = has(own.capEff, CAP.SYS_ADMIN);
  // A user of its own is worth more than what a namespace in which there is but one would give.
  const hasUserNamespace = !isAdmin && !hasOwnUser && canUnshareUser();
  const dropsBoundingSet = has(own.capEff, CAP.SETPCAP) || hasUserNamespace;
  const hasNamespaces = isAdmin || hasUserNamespace;
  const without = (...names: readonly string[]) => `who starts it does not have ${names.join(' and ')}`;
  const missing: MissingLayer[] = [];
  if (!hasOwnUser) missing.push({ layer: 'own user', reason: without('CAP_SETUID', 'CAP_SETGID') });
  if (!dropsBoundingSet && own.capBnd !== 0n) {
    missing.push({ layer: 'no bounding set', reason: without('CAP_SETPCAP') });
  }
  if (!hasNamespaces) {
    const reason = `${without('CAP_SYS_ADMIN')}, nor a user namespace`;
    missing.push(...NAMESPACE_LAYERS.map((layer): MissingLayer => ({ layer, reason })));
  }
  return { hasOwnUser, dropsBoundingSet, hasNamespaces, hasUserNamespace, missing };
}

/**
 * Which layers a running calf has not, by what the kernel says of it: those that were not to be had, and those that were
 * planned and refused.
 *
 * @param inForce of the calf
 * @param plan what was to be done
 * @param ownUid of this process
 */
export function findMissing(
  inForce: LayersInForce,
  plan: LayerPlan,
  ownUid: number,
): readonly MissingLayer[] {
  const { net, mnt, ipc, uts } = inForce.ownNamespaces;
  const isThere: Readonly<Record<Layer, boolean>> = {
    'own user': inForce.uid !== ownUid,
    'no bounding set': inForce.capBnd === 0n,
    // What may not be seen is as it was planned.
    'network namespace': net ?? plan.hasNamespaces,
    'mount namespace': mnt ?? plan.hasNamespaces,
    'IPC namespace': ipc ?? plan.hasNamespaces,
    'UTS namespace': uts ?? plan.hasNamespaces,
  };
  return (Object.keys(LAYERS) as Layer[])
    .filter((layer) => !isThere[layer])
    .map(
      (layer) => plan.missing.find((each) => each.layer === layer) ?? { layer, reason: REFUSED_BY_KERNEL },
    );
}
