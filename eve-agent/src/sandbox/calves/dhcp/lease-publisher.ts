import type { Clock } from '@local-datastore/shared/clock';
import { DHCP_KEY } from '../../keys/dhcp-keys.ts';
import type { StoreClient } from '../../store/store-client.ts';
import type { StateKind } from './client-state.ts';
import type { Lease } from './lease.ts';
import { leaseKeys } from './lease-keys.ts';

/** What the client uses of the store as a calf has it. */
export type DhcpStore = Pick<StoreClient, 'read' | 'write' | 'delete' | 'watch'>;

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

/**
 * Writes the keys of the client. What changes while it writes replaces what waits: however slow the store, nothing
 * piles up.
 *
 * @param onRefused the store took something not: whoever is started next begins anew
 */
export function createLeasePublisher(
  deps: { readonly store: DhcpStore; readonly clock: Clock; readonly onRefused: (error: unknown) => void },
  prefix: readonly string[],
): LeasePublisher {
  const { store, clock, onRefused } = deps;
  const written = new Map<string, string>();
  let wanted: Wanted = { state: 'stopped', serial: 0, lease: null, reason: '' };
  let committed = 0;
  let running: Promise<void> | null = null;

  const pathOf = (key: string) => [...prefix, ...key.split('/')];
  async function put(key: string, value: string): Promise<void> {
    if (written.get(key) === value) return;
    await store.write(pathOf(key), Buffer.from(value, 'latin1'));
    written.set(key, value);
  }
  /** Brings the keys of the lease to what they shall be, and only then says so. */
  async function commit({ serial, lease, reason }: Wanted): Promise<void> {
    const keys = lease === null ? new Map<string, string>() : leaseKeys(lease, clock.nowMs());
    for (const [key, value] of keys) await put(key, value);
    for (const key of [...written.keys()]) {
      if (keys.has(key) || key === DHCP_KEY.state || key === DHCP_KEY.commit) continue;
      await store.delete(pathOf(key));
      written.delete(key);
    }
    await put(DHCP_KEY.commit, lease === null ? `none ${serial} ${reason}`.trimEnd() : `lease ${serial}`);
    committed = serial;
  }
  async function catchUp(): Promise<void> {
    try {
      for (let seen: Wanted | null = null; seen !== wanted; ) {
        seen = wanted;
        if (seen.serial !== committed) await commit(seen);
        await put(DHCP_KEY.state, seen.state);
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
