// SPDX-License-Identifier: Apache-2.0
import { createClockControl } from '@local-datastore/shared/confinement/system/clock-control';
import {
  type EmulatedAdjtimex,
  type EmulatedClockOptions,
  emulateAdjtimex,
} from '@local-datastore/shared/confinement/system/emulated-adjtimex';
import { silentLog } from '@local-datastore/shared/log';
import { createManualClock, type ManualClock } from '@local-datastore/shared/manual-clock';
import { runNtp } from '../calves/ntp/run-ntp.ts';
import { encodeReply, type ReplyFields } from '../calves/ntp/scripted-reply.ts';
import { NTP_KEY, ntpRights, type SourceKey, serverName } from '../keys/ntp-keys.ts';
import { createDirectStoreClient } from '../store/direct-client.ts';
import { createKeyStore } from '../store/key-store.ts';
import { createClockHandler } from './clock.ts';

/** For tests: a server that is asked over a network which is none. */
export interface SimulatedServer {
  /** Its clock minus true time, as true time goes by. Default 0. */
  readonly offsetMs?: (trueMs: number) => number;
  /** Least and greatest delay of one way. Default 0.1 to 0.4 ms. */
  readonly delayMs?: readonly [number, number];
  /** The part of datagrams that is lost. */
  readonly loss?: number;
  readonly isDown?: (trueMs: number) => boolean;
  /** What it says other than a sound answer. null: it says nothing. */
  readonly reply?: (asked: number) => ReplyFields | null;
}

/** Chance that can be had again. */
export interface SimulatedChance {
  next(): number;
  bytes(length: number): Buffer;
}

export interface SimulationOptions {
  readonly servers: readonly SimulatedServer[];
  readonly chance: SimulatedChance;
  readonly kernel?: Partial<EmulatedClockOptions>;
  readonly leastSources?: number;
}

export interface SimulatedNtp {
  /** Milliseconds of true time. */
  pass(milliseconds: number): void;
  /** The clock minus true time. */
  errorMs(): number;
  readonly kernel: EmulatedAdjtimex;
  frequencyPpm(): number;
  /** A key below the prefix, as text; undefined: there is none. */
  key(name: string): string | undefined;
  source(index: number, key: SourceKey): string | undefined;
  /** How often each server was asked. */
  readonly asked: readonly number[];
  readonly time: ManualClock;
  /** What the handler of the clock has said. */
  readonly said: readonly string[];
  stop(): void;
}

export const TRUE_START = Date.parse('2026-11-30T12:00:00Z');
const BUILT = Date.parse('2026-11-01T00:00:00Z');
const POLICY = { earliestUnixMs: BUILT, latestUnixMs: BUILT + 15 * 365 * 86_400_000 };
const PREFIX = ['ntp'];
const REQUEST_TRANSMIT = 40;
const nsOf = (ms: number) => BigInt(Math.round(ms * 1000)) * 1000n;

/** The client, the handler and a kernel's clock together, beside servers that may lie. */
export async function simulateNtp(options: SimulationOptions): Promise<SimulatedNtp> {
  const { servers, chance: random } = options;
  const time = createManualClock();
  const trueMs = () => TRUE_START + time.nowMs();
  const kernel = emulateAdjtimex(time, { unixMs: TRUE_START, ...options.kernel });
  const audit = { append: () => {} };
  const store = createKeyStore({ audit, log: silentLog });
  const said: string[] = [];
  const keep = (_: object, message: string) => said.push(message);
  const log = { ...silentLog, info: keep, warn: keep, error: keep };
  const control = createClockControl(kernel.adjtimex);
  const clock = { after: time.after, nowMs: kernel.monotonicMs };
  createClockHandler(
    { store, audit, control, clock, log },
    { prefix: PREFIX, actor: 'priv', policy: POLICY },
  );
  const asked = servers.map(() => 0);

  servers.forEach((_, index) => {
    const path = [...PREFIX, NTP_KEY.server, serverName(index), 'address'];
    store.write('priv', path, Buffer.from(`10.0.0.${index + 1}`));
  });

  /** One way over the network; nothing comes of what is lost. */
  function carry({ delayMs: [least, greatest] = [0.1, 0.4], loss = 0 }: SimulatedServer, arrive: () => void) {
    if (random.next() < loss) return;
    time.after(least + random.next() * (greatest - least), arrive);
  }

  const running = await runNtp(
    {
      store: createDirectStoreClient({ store, audit }, { actor: 'ntp', rights: ntpRights(PREFIX) }),
      clock,
      readWallMs: () => Math.floor(kernel.unixMs()),
      chance: { bits64: () => random.bytes(8).readBigUInt64BE(), fraction: random.next },
      log: silentLog,
      sockets: {
        async open({ id }, onDatagram) {
          const index = Number(id) - 1;
          const server = servers[index] as SimulatedServer;
          return {
            send(bytes) {
              const count = asked[index] ?? 0;
              asked[index] = count + 1;
              const originTimestamp = Buffer.from(bytes).readBigUInt64BE(REQUEST_TRANSMIT);
              carry(server, () => {
                if (server.isDown?.(time.nowMs())) return;
                const reply = server.reply === undefined ? {} : server.reply(count);
                if (reply === null) return;
                const sentUnixNs = nsOf(trueMs() + (server.offsetMs?.(time.nowMs()) ?? 0));
                carry(server, () => onDatagram(encodeReply({ originTimestamp, sentUnixNs, ...reply })));
              });
            },
            close: () => {},
          };
        },
      },
    },
    { prefix: PREFIX, ...POLICY, leastSources: options.leastSources ?? 1 },
  );
  const key = (name: string) => {
    const value = store.read([...PREFIX, ...name.split('/')]);
    return value === undefined ? undefined : Buffer.from(value).toString();
  };
  // The sockets are open with the next turn.
  await Promise.resolve();
  return {
    ...{ kernel, asked, time, said, key },
    pass: (milliseconds) => time.advance(milliseconds),
    errorMs: () => kernel.unixMs() - trueMs(),
    frequencyPpm: () => control.read().frequencyPpm,
    source: (index, name) => key(`${NTP_KEY.source}/${serverName(index)}/${name}`),
    stop: running.stop,
  };
}
