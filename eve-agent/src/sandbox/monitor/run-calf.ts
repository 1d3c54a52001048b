// SPDX-License-Identifier: Apache-2.0
import type { Calf } from '@local-datastore/shared/confinement/launcher/calf';
import { type AgentKeys, openAgentKeys } from '../sdk/agent-keys.ts';
import type { CalfManifest, OptionsOf } from '../sdk/manifest.ts';
import type { KeyPath } from '../store/key-path.ts';
import { type DescriptorOpeners, openDescriptors, type Places } from './open-descriptors.ts';
import { type HandlersOf, runHandlers } from './run-handlers.ts';
import { type StartDeps, startCalf } from './start-calf.ts';

export interface RunDeps extends StartDeps {
  /** Default: those of the system. */
  readonly openers?: Partial<DescriptorOpeners>;
}

export interface CalfRun<Manifest extends CalfManifest> {
  /** Where its keys stand. Default: below its name. */
  readonly prefix?: KeyPath;
  /** Who they belong to. Default: its name. */
  readonly actor?: string;
  /** Where its descriptors lead. */
  readonly places: Places<Manifest['descriptors']>;
  readonly handlers: HandlersOf<Manifest>;
  readonly options: OptionsOf<Manifest>;
}

export interface RunningCalf<Manifest extends CalfManifest> {
  readonly keys: AgentKeys<Manifest['keys']>;
  /** Null: none runs at the moment; another one follows. */
  current(): Calf | null;
  /** Ends it for good. Its keys are gone then, and its handlers were told. Idempotent. */
  close(): Promise<void>;
}

/**
 * Runs a calf by its manifest: opens its descriptors, lets handlers act on its keys, and keeps it running.
 *
 * @throws SystemError a descriptor cannot be opened
 * @throws RangeError options that are none of the manifest's
 */
export function runCalf<Manifest extends CalfManifest>(
  deps: RunDeps,
  manifest: Manifest,
  run: CalfRun<Manifest>,
): RunningCalf<Manifest> {
  const { prefix = [manifest.name], actor = manifest.name, places, handlers, options } = run;
  const descriptors = openDescriptors(manifest.descriptors, places, deps.openers);
  const stopHandlers = runHandlers(deps, manifest, { prefix, actor }, handlers);
  const end = () => {
    stopHandlers();
    descriptors.close();
  };
  try {
    const kept = startCalf(deps, manifest, { prefix, actor, descriptors, options });
    return {
      keys: openAgentKeys<Manifest['keys']>(manifest.keys, prefix, deps.store),
      current: kept.current,
      async close() {
        await kept.close();
        end();
      },
    };
  } catch (error) {
    end();
    throw error;
  }
}
