// SPDX-License-Identifier: Apache-2.0
import type { Duplex } from 'node:stream';
import { CodedError } from '@local-datastore/shared/errors';
import type { ContentTreeStatus } from '@local-datastore/shared/eve/content-tree-status';
import type { DeploymentSettings } from '../deployments/deployment-settings.ts';
import type { ContainerEngine, ContainerView } from '../engine/container-engine.ts';
import type { ContainerSpec } from '../engine/container-spec.ts';
import type { Switch, WantedVersion } from '../switch/switch-contract.ts';

/** An app that is not run as it is configured, by a name that is no fault of the agent's. */
export class AppError extends CodedError<
  'APP_UNUSABLE' | 'APP_UNCHANGED' | 'APP_DOWN' | 'PORT_TAKEN' | 'VMS_IMPOSSIBLE'
> {}

/** Verified content trees, by uuid in lower case. */
export type Contents = ReadonlyMap<string, ContentTreeStatus>;

/** What an app is to be made of, and by what it tells that it is not made of it yet. */
export interface Made {
  readonly spec: ContainerSpec;
  readonly identity: string;
  /** Of its image, or its disk; '' for a blank one. */
  readonly digest: string;
}

/** How one app is launched at the engine of its kind. */
export interface AppLaunch {
  readonly settings: Pick<DeploymentSettings, 'health' | 'stopSeconds' | 'settleMs' | 'keep'>;
  /** Of the content trees that must be verified before, lower case. */
  readonly trees: readonly string[];
  /** @param purge counts up where it is to be made anew of the same @throws CodedError */
  describe(contents: Contents, purge: number): Promise<Made>;
  /** Gives its image to the engine. @throws CodedError */
  load(contents: Contents, signal: AbortSignal): Promise<WantedVersion['image']>;
  /** What of its networks the engine must have before. @throws CodedError */
  ensureNetworks(signal: AbortSignal): Promise<void>;
  /** Brings what is there to what makes no other version of it, before it is started as well. @throws CodedError */
  adjust(container: string, signal: AbortSignal): Promise<void>;
}

/** How the apps of one kind are launched. */
export interface AppWay<Intent> {
  readonly switcher: Pick<Switch, 'deploy' | 'start' | 'stop' | 'restart' | 'remove' | 'versions' | 'names'>;
  readonly engine: Pick<ContainerEngine, 'readLogs'>;
  /** The serial console of what runs; null: this kind has none. */
  readonly openConsole: ((container: string, signal: AbortSignal) => Promise<Duplex>) | null;
  /** @throws AppError APP_UNUSABLE */
  launchOf(intent: Intent): AppLaunch;
  /** Why it does not run where to start it is no help, or its engine's business; null: it runs, or may be started. */
  whyDown(view: ContainerView): string | null;
}
