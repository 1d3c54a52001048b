// SPDX-License-Identifier: Apache-2.0
import type * as z from 'zod';
import type { Caller } from './caller.ts';
import type {
  ConfigurationView,
  DeploymentView,
  OperationEvent,
  OperationResult,
} from './deployment-view.ts';
import type { historyEntrySchema } from './history.ts';
import type { ChangingOperation } from './operations.ts';

/** A line of a container's log. */
export interface DeploymentLogLine {
  readonly stream: 'stdout' | 'stderr';
  readonly text: string;
  /** RFC 3339, where it was asked for. */
  readonly at: string | null;
}

export interface DeploymentLogsWanted {
  readonly tail: number;
  readonly isFollowed: boolean;
  readonly hasTimes: boolean;
}

/** What an operation is given beside its name. */
export interface OperationInput {
  /** Of `load`: begins to take what is sent. Called when it is certain that it is wanted. */
  readonly openBody?: (maxBytes: number) => AsyncIterable<Uint8Array>;
  /** Of `load`: how much is announced; undefined: nobody says. */
  readonly announcedBytes?: number | undefined;
  /** Of `pull`: what, in place of what the configuration says. */
  readonly reference?: string | undefined;
}

/**
 * What operators do with deployments. All throw DeploymentError before anything is done, and what the pieces throw
 * (OperationFailure, ImageStreamError, LoadImageError, EngineError, SwitchError) where it does not come to its end.
 */
export interface Deployments {
  /** Those that the caller may see. */
  list(caller: Caller, signal: AbortSignal): Promise<readonly DeploymentView[]>;
  show(caller: Caller, name: string, signal: AbortSignal): Promise<DeploymentView>;
  /** The document of the engine of the container that serves; beside it `Drift`, as in the view. */
  inspect(caller: Caller, name: string, signal: AbortSignal): Promise<unknown>;
  /** The newest first. */
  history(
    caller: Caller,
    name: string,
    count: number,
  ): Promise<readonly z.infer<typeof historyEntrySchema>[]>;
  logs(
    caller: Caller,
    name: string,
    wanted: DeploymentLogsWanted,
    signal: AbortSignal,
  ): Promise<AsyncIterable<DeploymentLogLine>>;
  /**
   * Changes something. What can be refused is refused before `openBody` is called and the first event is told.
   *
   * @param signal of whoever asks: what is being sent or pulled is given up with it, a switch is brought to its end
   */
  operate(
    caller: Caller,
    name: string,
    operation: ChangingOperation,
    input: OperationInput,
    onEvent: (event: OperationEvent) => void,
    signal: AbortSignal,
  ): Promise<OperationResult>;
  configuration(caller: Caller): ConfigurationView;
}
