// SPDX-License-Identifier: Apache-2.0
import { type Clock, waitUnlessAborted } from '@local-datastore/shared/clock';
import type { ProcessStatus } from '@local-datastore/shared/confinement/launcher/process-status';
import type { SystemClockControl } from '@local-datastore/shared/confinement/system/clock-control';
import { errorMessage } from '@local-datastore/shared/errors';
import type { Log } from '@local-datastore/shared/log';
import { ipVersion } from '@local-datastore/shared/net/ip-address';
import type { AuditSink } from '../audit/audit-entry.ts';
import { NTP_KEY, NTP_STATES, type NtpState, serverName } from '../keys/ntp-keys.ts';
import { type KeyPath, keyPathText } from '../store/key-path.ts';
import { type KeyStore, PRIV } from '../store/key-store.ts';
import { createClockHandler } from './clock.ts';
import type { ClockPolicy } from './judge-correction.ts';
import { parseNtpServers } from './ntp-servers.ts';
import { type NtpStatus, readNtpStatus } from './ntp-status.ts';
import { createSeldom } from './seldom.ts';

/** Between two looks at whether a server that was found by its name still answers. */
const LOOK_AGAIN_MS = 64_000;
const NO_REACH = /^0*$/;

/** What is said of a state. Of `refused` the handler of the clock says more. */
const SAID: Readonly<Partial<Record<NtpState, readonly ['info' | 'warn', string]>>> = {
  synchronized: ['info', 'the time servers agree'],
  unreachable: ['warn', 'no time server answers'],
  'no-server-fit': ['warn', 'no time server knows the time well enough'],
  'no-agreement': ['warn', 'the time servers do not agree'],
  denied: ['warn', 'every time server sent its client away'],
};

/** The client of NTP, started and looked after by whoever starts calves. */
export interface NtpCalf {
  /** null: it is no process of its own. */
  status(): ProcessStatus | null;
  /** Ends it for good. */
  stop(): void | Promise<void>;
}

export interface OpenNtpDeps {
  readonly store: KeyStore;
  readonly audit: AuditSink;
  readonly control: SystemClockControl;
  /** CLOCK_MONOTONIC, as the calf has it. */
  readonly clock: Clock;
  readonly log: Log;
  /**
   * Starts the calf, whose keys stand below a prefix, and starts it again when it ends: a process with layers, or one in
   * this process where separation is off.
   */
  startCalf(prefix: KeyPath, policy: ClockPolicy): NtpCalf | Promise<NtpCalf>;
  /** Where a host is; rejects when it is not found. */
  findAddress(host: string, signal: AbortSignal): Promise<string>;
}

export interface OpenNtpOptions extends ClockPolicy {
  /** Of `--ntp`: addresses, or names. */
  readonly servers: readonly string[];
  readonly prefix: KeyPath;
  /** Why the clock may not be moved, as a word, and is only watched; null: it may. */
  readonly watchedSince: string | null;
}

export interface OpenedNtp {
  status(): NtpStatus;
  /** As {@link NtpCalf.status}. */
  calfStatus(): ProcessStatus | null;
  /** The calf ends, and the clock goes on as it is. Idempotent. */
  stop(): Promise<void>;
}

/**
 * Keeps the system's clock right by time servers: names them to the calf, and moves the clock as it asks for within the
 * policy.
 *
 * @throws ConfigurationError for servers that are none
 * @throws Error the calf cannot be started
 */
export async function openNtp(deps: OpenNtpDeps, options: OpenNtpOptions): Promise<OpenedNtp> {
  const { store, clock, log } = deps;
  const { prefix, watchedSince } = options;
  const names = parseNtpServers(options.servers);
  const stopped = new AbortController();
  const { signal } = stopped;

  const tell = (index: number, address: string) => {
    const path = [...prefix, NTP_KEY.server, serverName(index), 'address'];
    const value = Buffer.from(address);
    // Another writing would be another server to the calf.
    if (Buffer.compare(value, store.read(path) ?? new Uint8Array()) !== 0) store.write(PRIV, path, value);
  };
  const isReached = (index: number) => {
    const reach = store.read([...prefix, NTP_KEY.source, serverName(index), 'reach']);
    return reach !== undefined && !NO_REACH.test(Buffer.from(reach).toString('latin1'));
  };

  /** Finds a host, and again whenever it is not reached any more: it may have another address. */
  async function follow(host: string, index: number): Promise<void> {
    while (!signal.aborted) {
      try {
        if (!isReached(index)) {
          const address = await deps.findAddress(host, signal);
          if (signal.aborted) return;
          if (ipVersion(address) !== 0) tell(index, address);
        }
      } catch (error) {
        if (!signal.aborted) log.debug({ host, error: errorMessage(error) }, 'a time server was not found');
      }
      await waitUnlessAborted(clock, LOOK_AGAIN_MS, signal);
    }
  }

  const saySeldom = createSeldom(clock);
  const unwatchState = store.watch(keyPathText([...prefix, NTP_KEY.state]), ({ value }) => {
    const text = Buffer.from(value ?? []).toString('latin1');
    const state = NTP_STATES.find((each) => each === text);
    const said = state === undefined ? undefined : SAID[state];
    if (said !== undefined) saySeldom(text, () => log[said[0]]({ state }, said[1]));
  });
  const onlyWatches = watchedSince !== null;
  const handler = createClockHandler(deps, { prefix, actor: PRIV, policy: options, onlyWatches });
  const stopHandling = () => {
    unwatchState();
    handler.stop();
  };
  for (const [index, name] of names.entries()) if (name.kind === 'address') tell(index, name.address);
  let calf: NtpCalf;
  try {
    calf = await deps.startCalf(prefix, options);
  } catch (error) {
    stopHandling();
    throw error;
  }
  const following = names.flatMap((name, index) => (name.kind === 'name' ? [follow(name.host, index)] : []));
  let stopping: Promise<void> | undefined;
  async function stop(): Promise<void> {
    stopped.abort();
    stopHandling();
    await calf.stop();
    await Promise.all(following);
  }
  return {
    status: () =>
      readNtpStatus(store, prefix, {
        names: names.map((name) => (name.kind === 'name' ? name.host : name.address)),
        ...{ answer: handler.lastAnswer(), watchedSince },
        ...{ steps: handler.stepCount(), lastStep: handler.lastStep() },
      }),
    calfStatus: calf.status,
    stop() {
      stopping ??= stop();
      return stopping;
    },
  };
}
