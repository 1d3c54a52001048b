// SPDX-License-Identifier: Apache-2.0
import type { AppInstanceStatus } from '@local-datastore/shared/eve/app-instance-status';
import type { ContentTreeStatus } from '@local-datastore/shared/eve/content-tree-status';

/** What the page reads of the agent's answers; `/openapi.json` describes them whole. */

export interface ConfigurationProblem {
  readonly path: string;
  readonly message: string;
}

/** Of `/v1/status`. */
export interface AgentStatus {
  readonly version: string;
  readonly configuration: {
    readonly source: string | null;
    readonly state: 'none' | 'applied' | 'partial' | 'refused';
    readonly appliedAt: string | null;
    readonly problems: readonly ConfigurationProblem[];
    readonly unusable?: readonly ConfigurationProblem[];
    readonly warnings?: readonly string[];
  };
  readonly contentTrees: readonly ContentTreeStatus[];
  /** null: none are launched. */
  readonly apps: readonly AppInstanceStatus[] | null;
  readonly dhcp: readonly {
    readonly interface: string;
    readonly address: string | null;
    readonly server: string | null;
    readonly reason: string | null;
  }[];
  readonly ntp: {
    readonly state: string;
    readonly server: string | null;
    readonly offsetMs: number | null;
    readonly refusal: string | null;
  } | null;
  readonly separation: { readonly state: 'on' | 'starting' | 'off'; readonly reason: string | null };
  readonly processes: readonly {
    readonly name: string;
    readonly state: 'running' | 'starting' | 'failing';
    readonly restarts: number;
    readonly missing: readonly { readonly layer: string; readonly reason: string }[];
  }[];
}

/** Of `/v1/configuration`, as far as names are looked up in it. */
export interface DeviceConfiguration {
  readonly datastores: readonly { readonly id: string; readonly fqdn: string }[];
}

/** Of `/v1/deployments`. */
export interface Deployment {
  readonly name: string;
  readonly state: 'running' | 'stopped' | 'restarting' | 'paused';
  /** As it is tagged; empty: nothing is deployed. */
  readonly image: string;
  readonly health: 'healthy' | 'unhealthy' | 'starting' | 'unknown';
  readonly generation: number | null;
  readonly configDigest: string | null;
  readonly startedAt: string | null;
  readonly kept: readonly number[];
  readonly wanted: 'running' | 'stopped' | 'removed' | null;
  readonly operation: { readonly operation: string; readonly since: string; readonly by: string } | null;
  readonly problem: string | null;
  readonly drift: readonly string[];
}

/** Of `/v1/deployment-configuration`. */
export interface DeploymentConfiguration {
  readonly file: string;
  readonly readAt: string;
  readonly problem: string | null;
  readonly warnings: readonly string[];
}

/** Of `/v1/deployments/{name}/history`. */
export interface HistoryEntry {
  readonly time: string;
  readonly operation: string;
  readonly by: string;
  readonly outcome: 'done' | 'failed';
  readonly generation: number | null;
  readonly image: string | null;
  readonly durationMs: number;
  readonly gapMs: number | null;
  readonly code: string | null;
  readonly why: string | null;
}

/** A line of JSON of an operation. */
export type OperationLine =
  | { readonly event: 'begun' }
  | { readonly event: 'received'; readonly receivedBytes: number }
  | { readonly event: 'loaded'; readonly image: string; readonly sizeBytes: number }
  | { readonly event: 'step'; readonly step: string }
  | {
      readonly event: 'done';
      readonly state: string;
      readonly image: string | null;
      readonly generation: number | null;
      readonly gapMs: number | null;
      readonly removed: readonly string[];
    }
  | ({ readonly event: 'failed' } & OperationProblem);

/** Why an operation came to nothing. */
export interface OperationProblem {
  readonly detail?: string;
  readonly code?: string;
  /** The last lines of the container that failed. */
  readonly logs?: readonly string[];
  /** What serves on; null: nothing. */
  readonly serving?: string | null;
}

/** A line of a log. */
export interface LogLine {
  readonly stream: 'stdout' | 'stderr';
  readonly text: string;
  readonly at: string | null;
}
