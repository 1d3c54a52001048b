// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@local-datastore/shared/clock';
import { errorMessage } from '@local-datastore/shared/errors';
import type { Log } from '@local-datastore/shared/log';
import type { AuditSink } from '../audit/audit-entry.ts';
import { DHCP } from '../calves/dhcp/manifest.ts';
import { DHCP_KEY, LEASE_KEYS, MAX_NAME_SERVERS, MAX_ROUTES, numberedKey } from '../keys/dhcp-keys.ts';
import { runHandlers } from '../monitor/run-handlers.ts';
import type { KeyStore } from '../store/key-store.ts';
import type { LeaseApplied, LeaseApplier } from './apply-lease.ts';
import { type JudgedLease, judgeLease, type LeaseSurroundings } from './judge-lease.ts';

export interface DhcpHandlerDeps {
  readonly store: KeyStore;
  readonly audit: AuditSink;
  readonly applier: LeaseApplier;
  /** Read anew for each lease: interfaces come and go. */
  surroundings(): Promise<LeaseSurroundings>;
  readonly clock: Clock;
  readonly log: Log;
}

export interface DhcpHandlerOptions {
  readonly prefix: readonly string[];
  /** Whose keys count. */
  readonly actor: string;
}

/** What is in force, to be shown. */
export interface DhcpHandlerStatus {
  readonly lease: JudgedLease | null;
  readonly applied: LeaseApplied | null;
  /** Keys of the lease that the host does without, each with why. */
  readonly leftOut: readonly string[];
  /** Why there is no lease, where one was written or held; null: none was. */
  readonly reason: string | null;
}

export interface DhcpHandler {
  status(): DhcpHandlerStatus;
  /** Called after each change of the status. */
  onChange(listener: (status: DhcpHandlerStatus) => void): void;
  /** Takes back what is in force. */
  undo(reason: string): void;
  /** All that was asked for so far is done. */
  settled(): Promise<void>;
  /** Acts no more; what is in force stays, and ends with the lease. */
  close(): Promise<void>;
}

const MAX_TIMER_MS = 2 ** 31 - 1;
const NOTHING: DhcpHandlerStatus = { lease: null, applied: null, leftOut: [], reason: null };

/** What is to be: keys of a lease, or none. */
type Wanted = { readonly keys: ReadonlyMap<string, string> } | { readonly reason: string };

/**
 * Acts on the keys of a client of DHCP: each time it commits, what it wrote is judged and set on the interface, or taken
 * back. The client may write whatever it likes, as often as it likes: a commit that comes while another one is acted
 * on replaces the one that waits. Whatever the client does, the address goes when its lease is over.
 */
export function createDhcpHandler(deps: DhcpHandlerDeps, { prefix, actor }: DhcpHandlerOptions): DhcpHandler {
  const { applier, surroundings, store, clock, log } = deps;
  const listeners: ((status: DhcpHandlerStatus) => void)[] = [];
  let status = NOTHING;
  let wanted: Wanted | null = null;
  let running: Promise<void> | null = null;
  let isClosed = false;
  let endsAtMs = Number.POSITIVE_INFINITY;
  let cancelEnd = () => {};

  const textAt = (key: string) => {
    const value = store.read([...prefix, ...key.split('/')]);
    return value === undefined ? undefined : Buffer.from(value).toString('latin1');
  };
  /** All at one moment: the store is synchronous. */
  function snapshot(): Map<string, string> {
    const names = [
      ...LEASE_KEYS,
      ...Array.from({ length: MAX_NAME_SERVERS }, (_, index) => numberedKey(DHCP_KEY.nameServer, index)),
      ...Array.from({ length: MAX_ROUTES }, (_, index) => numberedKey(DHCP_KEY.route, index)),
    ];
    return new Map(
      names.flatMap((name) => {
        const text = textAt(name);
        return text === undefined ? [] : [[name, text] as const];
      }),
    );
  }

  function setStatus(next: DhcpHandlerStatus): void {
    status = next;
    for (const listener of listeners) listener(next);
  }

  function watchEnd(leaseSeconds: number | null): void {
    cancelEnd();
    endsAtMs = leaseSeconds === null ? Number.POSITIVE_INFINITY : clock.nowMs() + leaseSeconds * 1000;
    const wait = () => {
      const leftMs = endsAtMs - clock.nowMs();
      if (leftMs <= 0) want({ reason: 'the lease is over' });
      else cancelEnd = clock.after(Math.min(leftMs, MAX_TIMER_MS), wait);
    };
    if (leaseSeconds !== null) wait();
  }

  async function takeBack(reason: string, leftOut: readonly string[] = []): Promise<void> {
    cancelEnd();
    const applied = await applier.undo();
    if (applied.problems.length > 0)
      log.warn({ problems: applied.problems }, 'not all of a lease could be taken back');
    setStatus({ lease: null, applied, leftOut, reason });
  }

  async function act(next: Wanted): Promise<void> {
    if ('reason' in next) {
      await takeBack(next.reason);
      return;
    }
    const verdict = judgeLease(next.keys, await surroundings());
    if (verdict.kind === 'refused') {
      log.warn({ reason: verdict.reason }, 'a lease is not taken');
      await takeBack(verdict.reason);
      return;
    }
    const { lease, leftOut } = verdict;
    if (leftOut.length > 0) log.warn({ leftOut }, 'parts of a lease are not taken');
    try {
      const applied = await applier.apply(lease);
      if (applied.problems.length > 0)
        log.warn({ problems: applied.problems }, 'parts of a lease could not be set');
      watchEnd(lease.leaseSeconds);
      setStatus({ lease, applied, leftOut, reason: null });
    } catch (error) {
      log.error({ address: lease.address, reason: errorMessage(error) }, 'a lease could not be set');
      await takeBack(errorMessage(error), leftOut);
    }
  }

  async function catchUp(): Promise<void> {
    for (let next = wanted; next !== null; next = wanted) {
      wanted = null;
      try {
        await act(next);
      } catch (error) {
        log.error({ reason: errorMessage(error) }, 'the interface cannot be looked after');
        setStatus({ ...status, reason: errorMessage(error) });
      }
    }
    // In the turn in which nothing new was wanted: what comes later starts anew.
    running = null;
  }
  function want(next: Wanted): void {
    if (isClosed) return;
    wanted = next;
    running ??= catchUp();
  }

  const stopHandling = runHandlers(
    deps,
    DHCP,
    { prefix, actor },
    {
      lease({ value }) {
        // Gone with a client that ended, whose lease still holds.
        if (value === null) return;
        want(value.kind === 'lease' ? { keys: snapshot() } : { reason: value.reason });
      },
    },
  );

  return {
    status: () => status,
    onChange: (listener) => listeners.push(listener),
    undo: (reason) => want({ reason }),
    settled: async () => {
      while (running !== null) await running;
    },
    async close() {
      stopHandling();
      isClosed = true;
      cancelEnd();
      wanted = null;
      await running;
    },
  };
}
