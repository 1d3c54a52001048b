// SPDX-License-Identifier: Apache-2.0
import type { ContainerSpec, HostConfig } from '../engine/container-spec.ts';
import type { NetworkAttachment } from './grammar/networks.ts';

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

/** A file of the host that a flag names, and that whoever launches has to read. */
export interface ArgumentFile {
  readonly kind: 'env' | 'label' | 'seccomp';
  /** As `--env-file`. */
  readonly flag: string;
  readonly path: string;
}

/** What flags write to, one after another, in their order; `docker` does no more while it reads them. */
export interface Draft {
  readonly container: Mutable<Omit<ContainerSpec, 'Image' | 'HostConfig' | 'NetworkingConfig'>>;
  readonly host: Mutable<HostConfig>;
  readonly health: Mutable<NonNullable<ContainerSpec['Healthcheck']>>;
  hasNoHealthcheck: boolean;
  readonly networks: NetworkAttachment[];
  /** Of the first network, by flags of their own. */
  readonly endpoint: {
    readonly aliases: string[];
    readonly linkLocalIps: string[];
    ip: string | null;
    ip6: string | null;
    mac: string | null;
  };
  readonly env: Map<string, string>;
  readonly labels: Map<string, string>;
  readonly volumes: Set<string>;
  readonly binds: Set<string>;
  readonly ulimits: Map<string, NonNullable<HostConfig['Ulimits']>[number]>;
  readonly logOptions: Map<string, string>;
  logDriver: string;
  readonly qualifiedDevices: string[];
  readonly files: ArgumentFile[];
}

/** Nothing said yet. */
export const createDraft = (): Draft => ({
  container: {},
  host: {},
  health: {},
  hasNoHealthcheck: false,
  networks: [],
  endpoint: { aliases: [], linkLocalIps: [], ip: null, ip6: null, mac: null },
  env: new Map(),
  labels: new Map(),
  volumes: new Set(),
  binds: new Set(),
  ulimits: new Map(),
  logOptions: new Map(),
  logDriver: '',
  qualifiedDevices: [],
  files: [],
});
