// SPDX-License-Identifier: Apache-2.0
import { type Clock, waitUnlessAborted } from '@local-datastore/shared/clock';
import type { Calf } from '@local-datastore/shared/confinement/launcher/calf';
import type { AuditSink } from '../audit/audit-entry.ts';
import { resolvedSchema } from '../calves/net/net-messages.ts';
import { readJson, toJson } from '../exchange/ask-messages.ts';
import { splitLong } from '../exchange/long-value.ts';
import { type Gift, serveAsks } from '../exchange/serve-asks.ts';
import { keyPathText } from '../store/key-path.ts';
import { type KeyStore, PRIV } from '../store/key-store.ts';
import type { NetJobs } from './net-jobs.ts';

/** How often it is looked at whose announcements matter. */
const HOSTS_INTERVAL_MS = 2000;
/** As whom priv answers: what a calf lets lie takes no room from what priv orders. */
const ANSWERS = 'priv-answers';
/** More than downloads, bridges and questions come to. */
const MAX_ASKS = 512;

export interface NetMonitorDeps {
  readonly store: KeyStore;
  readonly audit: AuditSink;
  /** What was under way when a calf ended is theirs. */
  readonly jobs: Pick<NetJobs, 'calfGone'>;
  /** As `createAnswerer` makes it. */
  answer(ask: unknown, signal: AbortSignal): Promise<Gift>;
  /** Closes what was opened for a calf and stays here. */
  closeGiven(): Promise<void>;
  readonly clock: Clock;
}

export interface NetMonitorOptions {
  /** As whom the calf is audited. */
  readonly actor: string;
  /** See `settingsSchema`. */
  readonly settings: object;
  /** In lower case: whose announcements matter at the moment. */
  hosts(): ReadonlySet<string>;
  onSeen(host: string, hasJustAsked: boolean): void;
  /** The calf takes jobs. */
  onReady(): void;
}

/** The side of priv of the calf that speaks to the network. */
export interface NetMonitor {
  /**
   * Answers a calf's asks, as `keepProcess` begins with each.
   *
   * @returns lets go of what it had when it has ended: what was under way is for the next
   */
  begin(calf: Calf): () => Promise<void>;
  /** Tells whose announcements matter, until the signal is aborted. */
  run(signal: AbortSignal): Promise<void>;
}

export function createNetMonitor(deps: NetMonitorDeps, options: NetMonitorOptions): NetMonitor {
  const { store, audit, jobs, answer, closeGiven, clock } = deps;
  const { actor } = options;
  const write = (prefix: readonly string[], value: unknown) => {
    for (const part of splitLong(prefix, toJson(value))) store.write(PRIV, part.path, part.value);
  };
  write(['settings'], options.settings);
  let hostsNumber = 0;
  let hostsText = '';

  store.watch('/resolved/*/ip', ({ path, value }) => {
    if (value === null) return;
    const said = resolvedSchema.safeParse(readJson(value));
    if (!said.success) {
      const facts = { actor, op: 'write', path: keyPathText(path), value, handler: 'wake' };
      audit.append({ ...facts, verdict: 'MALFORMED' });
    } else if (options.hosts().has(said.data.host)) {
      options.onSeen(said.data.host, said.data.hasJustAsked);
    }
  });

  store.watch('/ready', ({ value }) => {
    if (value !== null) options.onReady();
  });

  function tellHosts(): void {
    const hosts = [...options.hosts()].sort();
    const text = JSON.stringify(hosts);
    if (text === hostsText) return;
    hostsText = text;
    hostsNumber += 1;
    const before = store.list('/hosts/*/*');
    write(['hosts', String(hostsNumber)], hosts);
    for (const { path } of before) store.delete(PRIV, path);
  }

  return {
    begin(calf) {
      const stopAsks = serveAsks(
        { store, audit, send: (message, descriptor) => calf.send(message, descriptor) },
        { actor, owner: ANSWERS, maxAsks: MAX_ASKS },
        answer,
      );
      return async () => {
        // First it is said who is gone: what is read without it goes on when its asks are given up.
        const left = jobs.calfGone();
        stopAsks();
        await left;
        await closeGiven();
      };
    },
    async run(signal) {
      while (!signal.aborted) {
        tellHosts();
        await waitUnlessAborted(clock, HOSTS_INTERVAL_MS, signal);
      }
    },
  };
}
