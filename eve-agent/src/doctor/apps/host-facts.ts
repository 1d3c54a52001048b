// SPDX-License-Identifier: Apache-2.0
import type { HostBridge } from '../../launch/apps/app-intent.ts';

/** A network of an engine. */
export interface EngineNetwork {
  readonly name: string;
  readonly subnets: readonly string[];
  /** The bridge that it was made for by an agent; null: by somebody else. */
  readonly madeFor: string | null;
  /** The containers that have addresses of it, by address. */
  readonly holders: ReadonlyMap<string, string>;
}

/** What a container engine is like. */
export type EngineSeen =
  | { readonly kind: 'away'; readonly why: string }
  | {
      readonly kind: 'there';
      /** The second part of the version of the API that is spoken. */
      readonly api: number;
      readonly cpuCount: number;
      readonly memoryBytes: number;
      readonly networks: readonly EngineNetwork[];
      /** The container that publishes a port, by `tcp 80`. */
      readonly ports: ReadonlyMap<string, string>;
    };

/** Whether this host runs virtual machines for apps. */
export type MachinesSeen =
  /** As the agent says it of such an app. */
  | { readonly kind: 'none'; readonly why: string; readonly advice: string }
  | {
      readonly kind: 'there';
      /** One line, such as `qemu 7.2.22 with KVM`. */
      readonly summary: string;
      /** The processor runs them itself. */
      readonly isFast: boolean;
      /** Why a machine that wants UEFI cannot have it; null: it can. */
      readonly whyNoUefi: string | null;
    };

/** Everything about this host that apps depend on. */
export interface HostFacts {
  readonly bridges: readonly HostBridge[];
  readonly engine: EngineSeen;
  readonly machines: MachinesSeen;
  readonly memoryBytes: number;
  /** Ports of this host that somebody listens on, as `tcp 80`. */
  readonly listening: ReadonlySet<string>;
  /** Whether it passes on what is for others (net.ipv4.ip_forward). */
  readonly isForwarding: boolean;
  /** Addresses that answered on a bridge, by its name. */
  readonly neighbours: ReadonlyMap<string, readonly string[]>;
}
