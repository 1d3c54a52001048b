// SPDX-License-Identifier: Apache-2.0
import { hostname } from 'node:os';
import { errorMessage } from '@local-datastore/shared/errors';
import type { Log } from '@local-datastore/shared/log';
import type { Diagnosis } from '../doctor/diagnose.ts';
import { examineHost } from '../doctor/host/examine-host.ts';
import type { SeparationTrial } from '../doctor/host/judge-separation.ts';
import type { SeparationWish } from './service-settings.ts';

/**
 * Whether this host is right for a service that is told so of separation and is started by whoever asks.
 *
 * @throws the signal's reason
 */
export async function examineHostHere(
  separation: SeparationWish,
  { log, signal }: { readonly log: Log; readonly signal: AbortSignal },
): Promise<Diagnosis> {
  async function tryIt(): Promise<SeparationTrial> {
    if (separation === 'off') return { kind: 'turned-off' };
    try {
      // It calls libc, which not every host has as it has to be.
      const { trySeparation } = await import('./try-separation.ts');
      return await trySeparation(log, signal);
    } catch (error) {
      signal.throwIfAborted();
      return { kind: 'cannot', reason: errorMessage(error) };
    }
  }
  return await examineHost({ hostName: hostname(), trySeparation: tryIt }, separation === 'required');
}
