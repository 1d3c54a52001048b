// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@local-datastore/shared/clock';
import { DHCP_KEY } from '../../keys/dhcp-keys.ts';
import type { CalfKeys } from '../../sdk/calf-keys.ts';
import type { StateKind } from './client-state.ts';
import type { Lease } from './lease.ts';
import { type LeaseKey, leaseKeys } from './lease-keys.ts';
import type { DHCP } from './manifest.ts';

type Keys = CalfKeys<(typeof DHCP)['keys']>;

export interface LeasePublisher {
  showState(state: StateKind): void;
  publish(lease: Lease): void;
  withdraw(reason: string): void;
  /** All that was asked for is written; rejects with what the store refused. */
  settled(): Promise<void>;
}

/** Of a reason: it is shown, and a server may have said a part of it. */
const MAX_REASON_LENGTH = 200;

interface Wanted {
  readonly state: StateKind;
  /** Raised with each lease that is published or withdrawn. */
  readonly serial: number;
  readonly lease: Lease | null;
  readonly reason: string;
}

/** The key of a lease that stands at a path below the prefix. */
function keyAt(keys: Keys, path: LeaseKey) {
  const [name, item] = path.split('/') as
    | [Exclude<LeaseKey, `${string}/${string}`>, undefined]
    | [keyof Keys, string];
  if (item === undefined) return keys[name];
  const folder = name === DHCP_KEY.route ? keys.route : keys.nameserver;
  return { write: (value: string) => folder.write(value, item), delete: () => folder.delete(item) };
}

/**
 * Writes the keys of the client. What changes while it writes replaces what waits: however slow the store, nothing
 * piles up.
 *
 * @param onRefused the store took something not: whoever is started next begins anew
 */
export function createLeasePublisher(deps: {
  readonly keys: Keys;
  readonly clock: Clock;
  readonly onRefused: (error: unknown) => void;
}): LeasePublisher {
  const { keys, clock, onRefused } = deps;
  /** Those of the lease. */
  const written = new Map<LeaseKey, string>();
  let shown: StateKind | null = null;
  let wanted: Wanted = { state: 'stopped', serial: 0, lease: null, reason: '' };
  let committed = 0;
  let running: Promise<void> | null = null;

  async function put(key: LeaseKey, value: string): Promise<void> {
    if (written.get(key) === value) return;
    await keyAt(keys, key).write(value);
    written.set(key, value);
  }
  async function drop(key: LeaseKey): Promise<void> {
    await keyAt(keys, key).delete();
    written.delete(key);
  }
  /** Brings the keys of the lease to what they shall be, and only then says so. */
  async function commit({ serial, lease, reason }: Wanted): Promise<void> {
    const next = lease === null ? new Map<LeaseKey, string>() : leaseKeys(lease, clock.nowMs());
    for (const [key, value] of next) await put(key, value);
    for (const key of [...written.keys()]) if (!next.has(key)) await drop(key);
    await keys.commit.write({ kind: lease === null ? 'none' : 'lease', serial, reason });
    committed = serial;
  }
  async function show(state: StateKind): Promise<void> {
    if (state === shown) return;
    await keys.state.write(state);
    shown = state;
  }
  async function catchUp(): Promise<void> {
    try {
      for (let seen: Wanted | null = null; seen !== wanted; ) {
        seen = wanted;
        if (seen.serial !== committed) await commit(seen);
        await show(seen.state);
      }
    } finally {
      // In the turn in which nothing new was wanted: what comes later starts anew.
      running = null;
    }
  }
  function change(changes: Partial<Wanted>): void {
    wanted = { ...wanted, ...changes };
    running ??= catchUp();
    running.catch(onRefused);
  }

  return {
    showState(state) {
      if (state !== wanted.state) change({ state });
    },
    publish: (lease) => change({ lease, serial: wanted.serial + 1, reason: '' }),
    withdraw: (reason) =>
      change({
        lease: null,
        serial: wanted.serial + 1,
        // What is read as no commit would take nothing back.
        reason: reason.slice(0, MAX_REASON_LENGTH).replace(/[^ -~]/g, '?'),
      }),
    settled: async () => {
      await running;
    },
  };
}
