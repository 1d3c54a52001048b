import { type Clock, waitUnlessAborted } from '@local-datastore/shared/clock';
import type { Log } from '@local-datastore/shared/log';
import type { AuditSink } from '../audit/audit-entry.ts';
import { NET_RIGHTS } from '../calves/net/net-keys.ts';
import { resolvedSchema } from '../calves/net/net-messages.ts';
import { readJson, toJson } from '../exchange/ask-messages.ts';
import { splitLong } from '../exchange/long-value.ts';
import { type Gift, serveAsks } from '../exchange/serve-asks.ts';
import type { Calf } from '../launcher/calf.ts';
import type { KeyStore } from '../store/key-store.ts';
import { type StoreLimits, serveStore } from '../store/serve-store.ts';
import type { NetJobs } from './net-jobs.ts';

/** As whom this process writes keys. */
export const PRIV = 'priv';
const NET = 'net';
/** How often it is looked at whose announcements matter. */
const HOSTS_INTERVAL_MS = 2000;
/** A download takes ten messages, and a device may have a thousand small ones. */
const LIMITS: Partial<StoreLimits> = { messagesPerSecond: 10_000 };
/** More than downloads, bridges and questions come to. */
const MAX_ASKS = 512;

export interface NetMonitorDeps {
  readonly store: KeyStore;
  readonly audit: AuditSink;
  readonly jobs: NetJobs;
  /** As `createAnswerer` makes it. */
  answer(ask: unknown, signal: AbortSignal): Promise<Gift>;
  /** Closes what was opened for a calf and stays here. */
  closeGiven(): Promise<void>;
  readonly clock: Clock;
  readonly log: Log;
}

export interface NetMonitorOptions {
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
  /** Serves a calf until it has ended. One at a time; what was under way then is for the next. */
  attend(calf: Calf): Promise<void>;
  /** Tells whose announcements matter, until the signal is aborted. */
  run(signal: AbortSignal): Promise<void>;
}

export function createNetMonitor(deps: NetMonitorDeps, options: NetMonitorOptions): NetMonitor {
  const { store, audit, jobs, answer, closeGiven, clock, log } = deps;
  const write = (prefix: readonly string[], value: unknown) => {
    for (const part of splitLong(prefix, toJson(value))) store.write(PRIV, part.path, part.value);
  };
  write(['settings'], options.settings);
  let hostsNumber = 0;
  let hostsText = '';

  store.watch('/resolved/*/ip', ({ value }) => {
    const said = resolvedSchema.safeParse(value === null ? undefined : readJson(value));
    if (said.success && options.hosts().has(said.data.host)) {
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
    async attend(calf) {
      const stopAsks = serveAsks(
        { store, send: (message, descriptor) => calf.send(message, descriptor) },
        { owner: PRIV, maxAsks: MAX_ASKS },
        answer,
      );
      const served = serveStore(
        { store, audit, clock },
        { actor: NET, rights: NET_RIGHTS, limits: LIMITS },
        calf.store,
      );
      void served.closed.then((reason) => {
        // It may just have ended, as everybody can see.
        log.debug({ process: NET, reason }, 'the key-value store was closed for a process of the agent');
        calf.kill();
      });
      await calf.ended;
      served.close('the process has ended');
      stopAsks();
      await jobs.calfGone();
      store.clear(NET);
      await closeGiven();
    },
    async run(signal) {
      while (!signal.aborted) {
        tellHosts();
        await waitUnlessAborted(clock, HOSTS_INTERVAL_MS, signal);
      }
    },
  };
}
