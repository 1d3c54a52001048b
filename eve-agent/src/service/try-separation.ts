// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { processStatus } from '@local-datastore/shared/confinement/launcher/process-status';
import { planHere } from '@local-datastore/shared/confinement/launcher/spawn-calf';
import type { Log } from '@local-datastore/shared/log';
import { systemClock } from '@local-datastore/shared/system-clock';
import type { SeparationTrial } from '../doctor/host/judge-separation.ts';
import { AskRefusal } from '../sandbox/exchange/serve-asks.ts';
import { keepNet, NET } from '../sandbox/monitor/keep-net.ts';
import { createNetMonitor } from '../sandbox/monitor/net-monitor.ts';
import { createKeyStore } from '../sandbox/store/key-store.ts';
import { createVerifierSide } from './verifier-side.ts';

/** It is to do nothing. */
const SETTINGS = {
  discovery: { bridges: [], timeoutMs: 0 },
  transfer: {
    ...{ stallTimeoutMs: 0, leastRate: { bytesPerSecond: 0, windowMs: 0 }, allowsInternalRedirects: false },
  },
};

/**
 * Starts the processes that speak to the network and verify, with the layers that the service would give them, looks at
 * what the kernel shows of the first once it takes jobs, and ends them. They get no job and no socket, and of files an
 * empty one that is made for it; nothing of it is put down.
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
  // The service has its folder of unfinished downloads; whoever asks may have none that can be written.
  const folder = await mkdtemp(join(tmpdir(), 'eve-agent-doctor-')).catch(() => null);
  const verifier =
    folder === null
      ? null
      : createVerifierSide(
          { pathOf: (name) => join(folder, name), log },
          { store, audit, plan },
          { ...SETTINGS.transfer, bytesPerSecond: undefined },
        );
  const kept = keepNet({ store, audit, plan, clock: systemClock, log }, monitor.begin);
  const close = () => Promise.all([kept.close(), verifier?.close()]);
  const stop = () => void close();
  signal.addEventListener('abort', stop);
  try {
    const [net, other] = await Promise.all([kept.began, verifier?.start() ?? null]);
    const reason = net ?? other;
    signal.throwIfAborted();
    return reason === null ? await ready.promise : { kind: 'cannot', reason };
  } finally {
    signal.removeEventListener('abort', stop);
    await close();
    if (folder !== null) await rm(folder, { recursive: true, force: true });
  }
}
