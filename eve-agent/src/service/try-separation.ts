// SPDX-License-Identifier: Apache-2.0
import { processStatus } from '@local-datastore/shared/confinement/launcher/process-status';
import { planHere } from '@local-datastore/shared/confinement/launcher/spawn-calf';
import type { Log } from '@local-datastore/shared/log';
import { systemClock } from '@local-datastore/shared/system-clock';
import type { SeparationTrial } from '../doctor/host/judge-separation.ts';
import { AskRefusal } from '../sandbox/exchange/serve-asks.ts';
import { keepNet, NET } from '../sandbox/monitor/keep-net.ts';
import { createNetMonitor } from '../sandbox/monitor/net-monitor.ts';
import { createKeyStore } from '../sandbox/store/key-store.ts';

/** It is to do nothing. */
const SETTINGS = {
  discovery: { bridges: [], timeoutMs: 0 },
  transfer: {
    ...{ stallTimeoutMs: 0, leastRate: { bytesPerSecond: 0, windowMs: 0 }, allowsInternalRedirects: false },
  },
};

/**
 * Starts the process that speaks to the network with the layers that the service would give it, looks at what the kernel
 * shows of it once it takes jobs, and ends it. It gets no job, no socket and no file, and nothing of it is put down.
 *
 * @throws Error no process can be confined here at all; the signal's reason
 */
export async function trySeparation(log: Log, signal: AbortSignal): Promise<SeparationTrial> {
  signal.throwIfAborted();
  const plan = planHere();
  const audit = { append() {} };
  const store = createKeyStore({ log, audit });
  const ready = Promise.withResolvers<SeparationTrial>();
  const monitor = createNetMonitor(
    {
      ...{ store, audit, clock: systemClock, closeGiven: async () => {} },
      jobs: { calfGone: async () => {} },
      answer: () => Promise.reject(new AskRefusal('DENIED', 'it is only tried')),
    },
    {
      ...{ actor: NET, settings: SETTINGS, hosts: () => new Set<string>(), onSeen() {} },
      onReady() {
        const seen = processStatus(NET, kept, plan);
        // It may have ended since: then the next one says so.
        if (seen.state !== 'running') return;
        ready.resolve({ kind: 'runs', seen });
        kept.markReady();
      },
    },
  );
  const kept = keepNet({ store, audit, plan, clock: systemClock, log }, monitor.begin);
  const stop = () => void kept.close();
  signal.addEventListener('abort', stop);
  try {
    const reason = await kept.began;
    signal.throwIfAborted();
    return reason === null ? await ready.promise : { kind: 'cannot', reason };
  } finally {
    signal.removeEventListener('abort', stop);
    await kept.close();
  }
}
