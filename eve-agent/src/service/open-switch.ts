// SPDX-License-Identifier: Apache-2.0
import { type EngineAddress, engineAddressText } from '@local-datastore/shared/engine/engine-address';
import { createEngineClient, type EngineClient } from '@local-datastore/shared/engine/engine-client';
import type { Log } from '@local-datastore/shared/log';
import { systemClock } from '@local-datastore/shared/system-clock';
import type { ContainerEngine } from '../launch/engine/container-engine.ts';
import { openContainerEngine } from '../launch/engine/open-container-engine.ts';
import { findPortRule } from '../launch/switch/find-port-rule.ts';
import { keepConverged } from '../launch/switch/keep-converged.ts';
import type { PortRule } from '../launch/switch/port-rule.ts';
import { systemProbes } from '../launch/switch/probe.ts';
import { createSwitch, type SwitchOptions } from '../launch/switch/switch.ts';
import type { Switch } from '../launch/switch/switch-contract.ts';
import { lockContainers } from './engine-images.ts';

/** A switch, with this host's clocks and sockets. */
export interface OpenSwitch {
  readonly switcher: Switch;
  /**
   * Puts right what a crash left, now and whenever the engine is back, until the switch ends.
   *
   * @param onPutRight called after each time
   */
  keepConverged(onPutRight?: () => void): Promise<void>;
}

/** The switch over the containers of an engine whose names begin with a prefix. */
export interface OpenContainers extends OpenSwitch {
  readonly client: EngineClient;
  readonly engine: ContainerEngine;
  /** Whether a port can be led elsewhere on this host while it is moved. */
  readonly leadsPorts: boolean;
  /** Lets another agent have them. */
  close(): void;
}

interface SwitchParts extends Pick<SwitchOptions, 'mayTidy'> {
  readonly prefix: string;
  readonly log: Log;
}

const ENGINE_WAIT_MS = 30_000;
const DRAIN_MS = 2000;
const LOOK_INTERVAL_MS = 2000;

/**
 * A switch over an engine of any kind.
 *
 * @param parts.portRule null: no port is led elsewhere @param ending ends every operation where it is
 */
export function openSwitch(
  engine: ContainerEngine,
  parts: SwitchParts & { readonly portRule: PortRule | null },
  ending: AbortSignal,
): OpenSwitch {
  const { prefix, portRule, log, mayTidy } = parts;
  const clock = systemClock;
  const switcher = createSwitch(
    { engine, portRule, probes: systemProbes, clock, wallMs: Date.now, log, ending },
    { prefix, engineWaitMs: ENGINE_WAIT_MS, drainMs: DRAIN_MS, ...(mayTidy && { mayTidy }) },
  );
  return {
    switcher,
    async keepConverged(onPutRight = () => {}) {
      const versions = {
        async convergeAll(signal: AbortSignal, wasAway?: boolean) {
          const outcomes = await switcher.convergeAll(signal, wasAway);
          onPutRight();
          return outcomes;
        },
      };
      await keepConverged({ engine, versions, clock, log }, { lookIntervalMs: LOOK_INTERVAL_MS }, ending);
    },
  };
}

/**
 * Takes the containers of an engine whose names begin with a prefix.
 *
 * @throws ConfigurationError when another agent has them
 */
export async function openContainers(
  address: EngineAddress,
  parts: SwitchParts,
  ending: AbortSignal,
): Promise<OpenContainers> {
  const close = await lockContainers(engineAddressText(address), parts.prefix);
  const client = createEngineClient(address);
  const engine = openContainerEngine(client);
  const portRule = await findPortRule(ending);
  const opened = openSwitch(engine, { ...parts, portRule }, ending);
  return { ...opened, client, engine, leadsPorts: portRule !== null, close };
}
