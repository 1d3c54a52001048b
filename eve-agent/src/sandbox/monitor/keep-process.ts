// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@local-datastore/shared/clock';
import type { Calf, CalfSpec } from '@local-datastore/shared/confinement/launcher/calf';
import { type KeptCalf, keepCalf } from '@local-datastore/shared/confinement/launcher/keep-calf';
import type { LayerPlan } from '@local-datastore/shared/confinement/launcher/layer-plan';
import { spawnCalf } from '@local-datastore/shared/confinement/launcher/spawn-calf';
import type { Log } from '@local-datastore/shared/log';
import type { AuditSink } from '../audit/audit-entry.ts';
import type { KeyStore } from '../store/key-store.ts';
import type { KeyRight } from '../store/rights.ts';
import { type StoreLimits, serveStore } from '../store/serve-store.ts';
import { tellLine } from './calf-line.ts';

export interface ProcessDeps {
  readonly store: KeyStore;
  readonly audit: AuditSink;
  /** Default: what this process can give, which is found out for each calf. */
  readonly plan?: LayerPlan;
  readonly clock: Clock;
  readonly log: Log;
}

/** A calf that is to be kept running, with what it has of the store. */
export interface KeptProcess {
  readonly spec: CalfSpec;
  /** Who its keys belong to. */
  readonly actor: string;
  readonly rights: readonly KeyRight[];
  readonly limits?: Partial<StoreLimits>;
  /** How long each one has until `markReady`. Default: for ever. */
  readonly readyWithinMs?: number;
  /**
   * Is told of each one before it is served.
   *
   * @returns what is to be let go when it has ended, before the next one is told of
   */
  readonly begin?: (calf: Calf) => () => Promise<void>;
}

/**
 * Keeps a calf running, serves the store to it, and puts what it says and how it ends into the log. Its keys are cleared
 * when it has ended.
 */
export function keepProcess(
  { store, audit, plan, clock, log }: ProcessDeps,
  { spec, actor, rights, limits = {}, readyWithinMs, begin = () => async () => {} }: KeptProcess,
): KeptCalf {
  const { name } = spec;

  async function attend(calf: Calf): Promise<void> {
    const end = begin(calf);
    const served = serveStore({ store, audit, clock }, { actor, rights, limits }, calf.store);
    void served.closed.then((reason) => {
      // It may just have ended, as everybody can see.
      log.debug({ process: name, reason }, 'the key-value store was closed for a process of the agent');
      if (served.fault !== null) log.warn({ process: name, reason }, 'a process of the agent is ended');
      calf.kill();
    });
    await calf.ended;
    served.close('the process has ended');
    await end();
    store.clear(actor);
  }

  let attended = Promise.resolve();
  const kept = keepCalf({
    clock,
    ...(readyWithinMs !== undefined && { readyWithinMs }),
    start: () =>
      spawnCalf(spec, {
        ...(plan !== undefined && { plan }),
        clock,
        onOutput: (line) => tellLine(log, name, line),
      }),
    onStart(calf) {
      log.info({ process: name, pid: calf.pid }, 'a process of the agent was started');
      // One after another: what the last one had is let go before the next one asks for it.
      attended = attended.then(() => attend(calf));
    },
    onEnd: ({ code, signal, refusal }, delayMs) =>
      log.error({ process: name, code, signal, refusal, delayMs }, 'a process of the agent has ended'),
  });
  return {
    ...kept,
    async close() {
      await kept.close();
      await attended;
    },
  };
}
