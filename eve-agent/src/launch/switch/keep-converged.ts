// SPDX-License-Identifier: Apache-2.0
import { type Clock, waitUnlessAborted } from '@local-datastore/shared/clock';
import { errorMessage } from '@local-datastore/shared/errors';
import type { Log } from '@local-datastore/shared/log';
import type { ContainerEngine } from '../engine/container-engine.ts';
import type { Switch } from './switch-contract.ts';

export interface KeepConvergedDeps {
  readonly engine: Pick<ContainerEngine, 'ping' | 'untilAway'>;
  readonly versions: Pick<Switch, 'convergeAll'>;
  readonly clock: Clock;
  readonly log: Log;
}

export interface KeepConvergedOptions {
  /** How often it is looked whether an engine is back. */
  readonly lookIntervalMs: number;
}

/**
 * Puts right what a crash left: of this process when it starts, of the engine when it comes back. Costs nothing
 * meanwhile.
 *
 * @returns when the signal is aborted; never rejects
 */
export async function keepConverged(
  { engine, versions, clock, log }: KeepConvergedDeps,
  { lookIntervalMs }: KeepConvergedOptions,
  signal: AbortSignal,
): Promise<void> {
  let wasThere = true;
  let wasAway = false;
  while (!signal.aborted) {
    try {
      await engine.ping(signal);
      await versions.convergeAll(signal, wasAway);
      if (!wasThere) log.info({}, 'the container engine is back');
      wasThere = true;
      await engine.untilAway(signal);
    } catch (error) {
      if (signal.aborted) return;
      if (wasThere) log.warn({ reason: errorMessage(error) }, 'the container engine is away');
      wasThere = false;
    }
    wasAway = true;
    await waitUnlessAborted(clock, lookIntervalMs, signal);
  }
}
