// SPDX-License-Identifier: Apache-2.0
import { CALF_USERS, type CalfSpec } from '@local-datastore/shared/confinement/launcher/calf';
import type { KeptCalf } from '@local-datastore/shared/confinement/launcher/keep-calf';
import { findCalf } from '../calves/find-calf.ts';
import { NET_RIGHTS } from '../calves/net/net-keys.ts';
import type { StoreLimits } from '../store/serve-store.ts';
import { type KeptProcess, keepProcess, type ProcessDeps } from './keep-process.ts';

/** The name of the calf that speaks to the network, and as whom it is audited. */
export const NET = 'net';
const MEBIBYTE = 1024 * 1024;
/** On a device that is busy with its own start. */
const READY_WITHIN_MS = 60_000;
/** A download takes ten messages, and a device may have a thousand small ones. */
const STORE_LIMITS: Partial<StoreLimits> = { messagesPerSecond: 10_000 };
const LIMITS: CalfSpec['limits'] = { memoryBytes: 512 * MEBIBYTE, openFiles: 1024 };

/**
 * Keeps the calf that speaks to the network running, as {@link keepProcess} does.
 *
 * @param begin as the monitor of the calf begins with each
 */
export const keepNet = (deps: ProcessDeps, begin: NonNullable<KeptProcess['begin']>): KeptCalf =>
  keepProcess(deps, {
    spec: { name: NET, code: findCalf(NET), limits: LIMITS, user: CALF_USERS.net },
    ...{ actor: NET, rights: NET_RIGHTS, limits: STORE_LIMITS, readyWithinMs: READY_WITHIN_MS },
    begin,
  });
