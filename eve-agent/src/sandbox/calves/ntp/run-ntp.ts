// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@local-datastore/shared/clock';
import { errorMessage } from '@local-datastore/shared/errors';
import type { Log } from '@local-datastore/shared/log';
import { ipVersion } from '@local-datastore/shared/net/ip-address';
import { correctionText, NTP_KEY, parseAnswer, quantityText } from '../../keys/ntp-keys.ts';
import { type KeyPath, keyPathText } from '../../store/key-path.ts';
import type { StoreClient } from '../../store/store-client.ts';
import {
  type Chance,
  type NtpAction,
  type NtpEvent,
  newNtpClient,
  nextMomentMs,
  stepNtpClient,
} from './ntp-client.ts';
import type { NtpSockets } from './ntp-sockets.ts';
import { viewNtpClient } from './ntp-view.ts';
import { openServers } from './open-servers.ts';
import { createWallClock } from './wall-clock.ts';

/** What a client of NTP needs of the store, as a calf has it. */
export type NtpStore = Pick<StoreClient, 'write' | 'delete' | 'watch'>;

export interface RunNtpDeps {
  readonly store: NtpStore;
  readonly sockets: NtpSockets;
  readonly clock: Clock;
  /** The system's clock: whole milliseconds since 1970, as `Date.now` has it. */
  readonly readWallMs: () => number;
  readonly chance: Chance;
  readonly log: Log;
}

export interface RunNtpOptions {
  /** Below it stand the keys. */
  readonly prefix: KeyPath;
  /** What times can be, in milliseconds since 1970: from when this program was built. */
  readonly earliestUnixMs: number;
  readonly latestUnixMs: number;
  /** So many servers must agree at least. Default 1: one alone is followed. */
  readonly leastSources?: number;
}

export interface RunningNtp {
  /** Asks nobody any more. Idempotent. */
  stop(): void;
}

/** No timer of Node's is longer; a client that waits for longer waits again. */
const MAX_WAIT_MS = 2 ** 31 - 1;
const NS_PER_MS = 1_000_000n;

/**
 * A client of NTP (RFC 5905) as a calf: it asks the servers that priv names in the store, and writes there by how much
 * the clock is wrong. It neither sets the clock nor opens a socket.
 *
 * @throws StoreError the keys cannot be watched
 */
export async function runNtp(deps: RunNtpDeps, options: RunNtpOptions): Promise<RunningNtp> {
  const { store, clock, chance, log } = deps;
  const { prefix, leastSources = 1 } = options;
  const times = {
    earliestUnixNs: BigInt(options.earliestUnixMs) * NS_PER_MS,
    latestUnixNs: BigInt(options.latestUnixMs) * NS_PER_MS,
  };
  const wall = createWallClock(deps);
  const clientOptions = () => ({ times, leastSources, precisionMs: wall.precisionMs() });
  let state = newNtpClient(clock.nowMs());
  let cancelTimer = () => {};
  let isStopped = false;
  const written = new Map<string, string>();

  const at = (key: string): KeyPath => [...prefix, ...key.split('/')];
  const isPrefixed = (path: KeyPath) => path.slice(prefix.length).join('/');

  /** What the store refuses is written again with the next change. */
  function write(key: string, value: string): void {
    written.set(key, value);
    store.write(at(key), Buffer.from(value)).catch((error: unknown) => {
      if (written.get(key) === value) written.delete(key);
      log.debug({ key, error: errorMessage(error) }, 'a key was not written');
    });
  }

  function show(): void {
    const view = viewNtpClient(state, clock.nowMs(), clientOptions());
    for (const [key, value] of view) if (written.get(key) !== value) write(key, value);
    for (const key of written.keys()) {
      if (view.has(key) || !key.startsWith(`${NTP_KEY.source}/`)) continue;
      written.delete(key);
      store.delete(at(key)).catch(() => {});
    }
  }

  function perform(action: NtpAction): void {
    if (action.kind === 'send') {
      const { id, transmitTimestamp, bytes } = action;
      // When it goes, not when it was thought of.
      step({ kind: 'sent', id, transmitTimestamp });
      servers.send(id, bytes);
      return;
    }
    const { frequencyPpm, ...correction } = action.correction;
    write(NTP_KEY.frequency, quantityText(frequencyPpm));
    write(NTP_KEY.offset, correctionText({ ...correction, wallBaseMs: wall.baseMs() }));
  }

  function step(event: NtpEvent): void {
    const now = wall.now();
    if (wall.hasJumped() && event.kind !== 'jump') {
      log.info({}, 'the clock was set: what was measured before does not count');
      step({ kind: 'jump' });
    }
    const next = stepNtpClient(state, event, now, chance, clientOptions());
    state = next.state;
    for (const action of next.actions) perform(action);
  }

  function handle(event: NtpEvent): void {
    if (isStopped) return;
    const before = state;
    step(event);
    cancelTimer();
    const waitMs = Math.min(Math.max(0, nextMomentMs(state) - clock.nowMs()), MAX_WAIT_MS);
    cancelTimer = clock.after(waitMs, () => handle({ kind: 'tick' }));
    // A flood of what counts for nothing changes a count alone.
    if (event.kind !== 'datagram' || before.roles !== state.roles) show();
  }

  const servers = openServers(deps, {
    onDatagram: (id, bytes) => handle({ kind: 'datagram', id, bytes }),
    onChange: (ids) => handle({ kind: 'servers', ids }),
  });

  const unwatchAnswer = await store.watch(keyPathText(at(NTP_KEY.answer)), ({ value }) => {
    const answer = value === null ? null : parseAnswer(value);
    if (answer !== null) handle({ kind: 'answer', answer });
  });
  const pattern = keyPathText([...at(NTP_KEY.server), '*', 'address']);
  const unwatchServers = await store.watch(pattern, ({ path, value }) => {
    const id = isPrefixed(path).split('/')[1] ?? '';
    const address = value === null ? '' : Buffer.from(value).toString('latin1');
    if (value !== null && ipVersion(address) === 0) {
      log.warn({ server: id }, 'what is to be a server is no address');
      return;
    }
    servers.set(id, value === null ? null : address);
  });

  return {
    stop() {
      isStopped = true;
      cancelTimer();
      unwatchAnswer();
      unwatchServers();
      servers.close();
    },
  };
}
