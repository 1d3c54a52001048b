import { type Clock, waitUnlessAborted } from '@local-datastore/shared/clock';
import type { SystemClockControl } from '@local-datastore/shared/confinement/system/clock-control';
import { errorMessage } from '@local-datastore/shared/errors';
import type { Log } from '@local-datastore/shared/log';
import { ipVersion } from '@local-datastore/shared/net/ip-address';
import type { AuditSink } from '../audit/audit-entry.ts';
import { NTP_KEY, serverName } from '../keys/ntp-keys.ts';
import type { KeyPath } from '../store/key-path.ts';
import { type KeyStore, PRIV } from '../store/key-store.ts';
import { createClockHandler } from './clock.ts';
import type { ClockPolicy } from './judge-correction.ts';
import { parseNtpServers } from './ntp-servers.ts';

/** Between two looks at whether a server that was found by its name still answers. */
const LOOK_AGAIN_MS = 64_000;
const NO_REACH = /^0*$/;

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
  startCalf(prefix: KeyPath): Promise<{ stop(): void | Promise<void> }>;
  /** Where a host of the name `….local` is; rejects when it is not found. */
  findAddress(host: string, signal: AbortSignal): Promise<string>;
}

export interface OpenNtpOptions extends ClockPolicy {
  /** Of `--ntp`: addresses, or names that end with `.local`. */
  readonly servers: readonly string[];
  readonly prefix: KeyPath;
}

export interface OpenedNtp {
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
  const { prefix } = options;
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

  const handler = createClockHandler(deps, { prefix, actor: PRIV, policy: options });
  for (const [index, name] of names.entries()) if (name.kind === 'address') tell(index, name.address);
  let calf: { stop(): void | Promise<void> };
  try {
    calf = await deps.startCalf(prefix);
  } catch (error) {
    handler.stop();
    throw error;
  }
  const following = names.flatMap((name, index) => (name.kind === 'name' ? [follow(name.host, index)] : []));
  let stopping: Promise<void> | undefined;
  async function stop(): Promise<void> {
    stopped.abort();
    handler.stop();
    await calf.stop();
    await Promise.all(following);
  }
  return {
    stop() {
      stopping ??= stop();
      return stopping;
    },
  };
}
