// SPDX-License-Identifier: Apache-2.0
import type { Calf, CalfCode, HandedDescriptor } from '@local-datastore/shared/confinement/launcher/calf';
import type { KeptCalf } from '@local-datastore/shared/confinement/launcher/keep-calf';
import { errorMessage } from '@local-datastore/shared/errors';
import { findCalf } from '../calves/find-calf.ts';
import { type CalfManifest, type OptionsOf, rightsOf } from '../sdk/manifest.ts';
import { writeStartOrder } from '../sdk/start-order.ts';
import type { KeyPath } from '../store/key-path.ts';
import { keepProcess, type ProcessDeps } from './keep-process.ts';
import type { OpenedDescriptors } from './open-descriptors.ts';

export interface StartDeps extends ProcessDeps {
  /** Default: where this program has it. */
  readonly code?: CalfCode;
}

export interface CalfStart<Manifest extends CalfManifest> {
  /** Where its keys stand. */
  readonly prefix: KeyPath;
  /** Who they belong to: each calf that runs has one of its own, whose end takes no other's keys away. */
  readonly actor: string;
  /** They stay the caller's to close. */
  readonly descriptors: OpenedDescriptors;
  readonly options: OptionsOf<Manifest>;
}

/**
 * Starts a calf by its manifest, as a process with all layers that this host gives, and again when it ends by itself.
 *
 * @throws RangeError options that are none of the manifest's
 */
export function startCalf<Manifest extends CalfManifest>(
  deps: StartDeps,
  manifest: Manifest,
  { prefix, actor, descriptors, options }: CalfStart<Manifest>,
): KeptCalf {
  const { name, limits, user, storeLimits = {} } = manifest;
  const { code = findCalf(name), log } = deps;
  // In the order of the manifest, as the calf takes them.
  const atStart = [...descriptors.byName.values()].filter(({ handed }) => handed === null);
  const later = [...descriptors.byName].flatMap(([descriptor, { fd, handed }]) =>
    handed === null ? [] : [{ descriptor, handed: { fd, kind: handed } satisfies HandedDescriptor }],
  );

  function handOver(calf: Calf): void {
    try {
      for (const { descriptor, handed } of later) calf.send({ descriptor }, handed);
    } catch (error) {
      // It has ended, or is to: without them it would wait for ever.
      log.debug({ process: name, reason: errorMessage(error) }, 'a descriptor could not be handed over');
      calf.kill();
    }
  }

  return keepProcess(deps, {
    spec: {
      ...{ name, code, limits, user },
      descriptors: atStart.map(({ fd }) => fd),
      args: [writeStartOrder(manifest, { prefix, options })],
    },
    ...{ actor, rights: rightsOf(manifest, prefix), limits: storeLimits },
    begin(calf) {
      handOver(calf);
      return async () => {};
    },
  });
}
