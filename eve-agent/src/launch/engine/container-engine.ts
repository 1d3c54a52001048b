// SPDX-License-Identifier: Apache-2.0
import type { ContainerSpec, HealthConfig, PortBinding, RestartPolicy } from './container-spec.ts';

/** As `State.Status` of the Engine API has it. */
export type ContainerState = 'created' | 'running' | 'paused' | 'restarting' | 'removing' | 'exited' | 'dead';

/** Where a container is reached; empty: it has no such address. */
export interface ContainerNetwork {
  readonly name: string;
  readonly ipv4: string;
  readonly ipv6: string;
  /** The host's own address on it. */
  readonly gateway: string;
}

/** A port of this host that leads into a container. */
export interface PublishedPort {
  readonly protocol: string;
  /** Of the host; '': every one. */
  readonly hostAddress: string;
  readonly hostPort: number;
  /** Of the container. */
  readonly port: number;
}

/** What an engine tells of a container. */
export interface ContainerView {
  readonly id: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** As it was named when the container was made. */
  readonly image: string;
  readonly imageId: string;
  readonly state: ContainerState;
  /** Of the last run; 0 while there was none. */
  readonly exitCode: number;
  /** Why the engine could not start it; mostly empty. */
  readonly error: string;
  readonly isOutOfMemory: boolean;
  /** RFC 3339; differs after each start. */
  readonly startedAt: string;
  /** How often the engine itself has started it again. */
  readonly restartCount: number;
  readonly restartPolicy: RestartPolicy;
  /** What the engine makes of its HEALTHCHECK. */
  readonly health: 'none' | 'starting' | 'healthy' | 'unhealthy';
  /** The HEALTHCHECK that the engine goes by, of the image or of the arguments. */
  readonly healthcheck: HealthConfig | null;
  /** By what a command line of it is run. */
  readonly shell: readonly string[];
  readonly hasTerminal: boolean;
  /** null: the engine's own. */
  readonly stopTimeoutSeconds: number | null;
  readonly networkMode: string;
  readonly networks: readonly ContainerNetwork[];
  /** As they were wanted. */
  readonly portBindings: Readonly<Record<string, readonly PortBinding[]>>;
  /** Those that lead into it now, the lowest first: none of one that does not run. */
  readonly publishedPorts: readonly PublishedPort[];
}

export interface LogLine {
  readonly stream: 'stdout' | 'stderr';
  /** Without its end. */
  readonly text: string;
  /** RFC 3339, where it was asked for. */
  readonly at: string | null;
}

export interface LogsWanted {
  /** So many lines of the end; absent: all. */
  readonly tail?: number;
  /** Goes on with what comes, until the container ends. */
  readonly isFollowed?: boolean;
  readonly hasTimes?: boolean;
}

export interface ExecResult {
  readonly exitCode: number;
  /** The first of what it wrote. */
  readonly output: string;
}

export interface NetworkView {
  readonly driver: string;
  /** The kernel's name of its bridge; null where it has none. */
  readonly bridge: string | null;
}

export interface ImageView {
  readonly id: string;
  /** `REPOSITORY:TAG`. */
  readonly tags: readonly string[];
}

/** The containers of an engine. A container is named by its id or its name. */
export interface Containers {
  /** The ids of all, also of those that do not run, that have the label. @param label `NAME` or `NAME=VALUE` */
  list(label: string, signal: AbortSignal): Promise<readonly string[]>;
  /** @returns null where there is none */
  inspect(container: string, signal: AbortSignal): Promise<ContainerView | null>;
  /** What would make one like it, without what the engine chose itself. @throws EngineError */
  readSpec(container: string, signal: AbortSignal): Promise<ContainerSpec>;
  /** @returns its id */
  create(name: string, spec: ContainerSpec, signal: AbortSignal): Promise<string>;
  /** One that runs stays as it is. */
  start(container: string, signal: AbortSignal): Promise<void>;
  /** Asks it to end, and forces it after its stop timeout. One that does not run stays as it is. */
  stop(container: string, signal: AbortSignal): Promise<void>;
  restart(container: string, signal: AbortSignal): Promise<void>;
  /** Also one that runs; one that is gone is fine. @param hasVolumes its anonymous volumes go too */
  remove(container: string, hasVolumes: boolean, signal: AbortSignal): Promise<void>;
  rename(container: string, name: string, signal: AbortSignal): Promise<void>;
  setRestartPolicy(container: string, policy: RestartPolicy, signal: AbortSignal): Promise<void>;
  /** @throws EngineError; LogError for what is no log */
  readLogs(container: string, wanted: LogsWanted, signal: AbortSignal): AsyncIterable<LogLine>;
  /** Runs a command in it to its end. */
  exec(container: string, command: readonly string[], signal: AbortSignal): Promise<ExecResult>;
}

export interface Images {
  /** Those that have a tag of the repository, each with all its tags. */
  listImages(repository: string, signal: AbortSignal): Promise<readonly ImageView[]>;
  /** @returns null where there is none */
  inspectImage(image: string, signal: AbortSignal): Promise<ImageView | null>;
  tagImage(image: string, repository: string, tag: string, signal: AbortSignal): Promise<void>;
  /** Takes a tag away, and the image with its last one where no container is made of it; gone is fine. */
  untagImage(tag: string, signal: AbortSignal): Promise<void>;
}

/** What the launch needs of a container engine. Each throws EngineError, or the signal's reason. */
export interface ContainerEngine extends Containers, Images {
  /** Resolves where it answers. */
  ping(signal: AbortSignal): Promise<void>;
  /** @returns null where there is none */
  inspectNetwork(network: string, signal: AbortSignal): Promise<NetworkView | null>;
  /** Whether it finds the program that `Init` of a container needs: without it, such a container cannot be started. */
  hasInit(signal: AbortSignal): Promise<boolean>;
  /** Resolves with the end of the engine, which is told by that of its events. */
  untilAway(signal: AbortSignal): Promise<void>;
}
