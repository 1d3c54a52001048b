// SPDX-License-Identifier: Apache-2.0
/** The store's messages at any content: refused by name or read within bounds, and priv goes on. */
import { duplexPair } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { createFrameReader, frameOf } from '../../eve-agent/src/sandbox/store/frame-reader.ts';
import { isKeyPath } from '../../eve-agent/src/sandbox/store/key-path.ts';
import { createKeyStore, DEFAULT_KEY_QUOTA } from '../../eve-agent/src/sandbox/store/key-store.ts';
import { serveStore } from '../../eve-agent/src/sandbox/store/serve-store.ts';
import { STORE_ERROR_CODES, StoreError } from '../../eve-agent/src/sandbox/store/store-error.ts';
import {
  decodeRequest,
  decodeResponse,
  encodeRequest,
  encodeResponse,
} from '../../eve-agent/src/sandbox/store/wire.ts';
import { silentLog } from '../../shared/src/log.ts';
import { createManualClock } from '../../shared/src/manual-clock.ts';
import { type Random, randomOfThisRun } from '../random.ts';
import { repetitions } from '../soak.ts';
import { someRequest, someResponse } from '../store-messages.ts';

/** Of each direction: together the 200,000 of every run, and the 10 million of a soak. */
const MESSAGES = repetitions({ short: 90_000, long: 4_900_000 });
/** A soak takes minutes. */
const TIMEOUT_MS = 3_600_000;
const SERVED = repetitions({ short: 20_000, long: 200_000 });

// Most messages are refused, and nobody reads where: the stack is what an error costs.
Error.stackTraceLimit = 0;

/** What a pointer or a number may hold that is not meant to be there. */
const WORDS = [
  0, 1, 2, 3, 4, 5, 6, 7, 8, 0x7fffffff, 0x80000000, 0xfffffffc, 0xfffffffe, 0xffffffff, 0x00010000,
];

/** Changes words and bytes of a message, and where it ends. */
function mutated(random: Random, message: Uint8Array): Buffer {
  const changed = Buffer.from(message);
  for (let count = random.integer(1, 3); count > 0; count -= 1) {
    const at = random.integer(0, changed.length - 1);
    if (random.next() < 0.5) changed[at] = random.integer(0, 255);
    else changed.writeUInt32LE(random.pick(WORDS), Math.min(at & ~3, changed.length - 4));
  }
  const kind = random.integer(0, 9);
  if (kind === 0) return changed.subarray(0, random.integer(0, changed.length));
  return kind === 1 ? Buffer.concat([changed, random.bytes(random.integer(1, 16))]) : changed;
}

/** Words of nothing in particular behind a sound table. */
function someWords(random: Random): Buffer {
  const words = random.integer(1, 8);
  const message = Buffer.alloc(8 + words * 8);
  message.writeUInt32LE(words, 4);
  for (let at = 8; at < message.length; at += 4) {
    message.writeUInt32LE(random.next() < 0.7 ? random.pick(WORDS) : random.integer(0, 0xffffffff), at);
  }
  return message;
}

/** A few messages are made by the encoder, and each is changed many times: what is tried is the decoder. */
function createMessages(random: Random, make: () => Uint8Array): () => Buffer {
  let base = make();
  let uses = 0;
  return () => {
    uses += 1;
    if (uses % 50 === 0) base = make();
    return random.next() < 0.15 ? someWords(random) : mutated(random, base);
  };
}

const NOTHING = Symbol('refused');

/** @returns what was decoded; {@link NOTHING} for what was refused in the way that is foreseen */
function attempt<Message>(
  decode: (bytes: Uint8Array) => Message,
  bytes: Uint8Array,
): Message | typeof NOTHING {
  try {
    return decode(bytes);
  } catch (error) {
    if (error instanceof StoreError && error.code === 'MALFORMED') return NOTHING;
    throw error;
  }
}

describe.each([
  {
    ...{
      name: 'requests',
      decode: decodeRequest,
      make: (random: Random) => encodeRequest(someRequest(random)),
    },
    encode: (message: unknown) => encodeRequest(message as ReturnType<typeof decodeRequest>),
  },
  {
    ...{
      name: 'responses',
      decode: decodeResponse,
      make: (random: Random) => encodeResponse(someResponse(random)),
    },
    encode: (message: unknown) => encodeResponse(message as ReturnType<typeof decodeResponse>),
  },
])('$name of any content', ({ name, decode, encode, make }) => {
  it(
    'are refused by name, or mean the same when they are written again',
    () => {
      const random = randomOfThisRun(`store ${name}`);
      const next = createMessages(random, () => make(random));
      const counts = { refused: 0, read: 0 };
      const before = process.memoryUsage().rss;
      for (let count = 0; count < MESSAGES; count += 1) {
        const bytes = next();
        const message = attempt<unknown>(decode, bytes);
        if (message === NOTHING) {
          counts.refused += 1;
          continue;
        }
        counts.read += 1;
        const written = encode(message);
        // The canonical form has no more than what it was read from, but for texts and values that were shared.
        if (count % 10 === 0) expect(decode(written)).toEqual(message);
        if (!Buffer.from(encode(decode(written))).equals(written))
          throw new Error(`${bytes.toString('hex')} changes`);
      }
      process.stderr.write(`store ${name}: ${JSON.stringify(counts)}\n`);
      expect(counts.refused).toBeGreaterThan(MESSAGES / 10);
      expect(counts.read).toBeGreaterThan(MESSAGES / 10);
      expect(process.memoryUsage().rss - before).toBeLessThan(200 * 1024 * 1024);
    },
    TIMEOUT_MS,
  );
});

/** A calf that sends what it likes, in pieces as they come; what it is told is kept. */
function createServed() {
  const store = createKeyStore({ audit: { append: () => {} }, log: silentLog });
  const clock = createManualClock();
  const rights = [
    { pattern: '/**', mayRead: true, mayWrite: false },
    { pattern: '/own/**', mayRead: true, mayWrite: true },
  ];
  const connect = () => {
    const [privSide, calf] = duplexPair();
    const limits = { messagesPerSecond: 1_000_000, waitingChanges: 50 };
    const options = { actor: 'hostile', rights, limits };
    return { calf, server: serveStore({ store, audit: { append: () => {} }, clock }, options, privSide) };
  };
  return { store, connect };
}

describe('a calf that sends anything', () => {
  it(
    'is answered in sound messages or given up, and fills nothing',
    async () => {
      const random = randomOfThisRun('store served');
      const { store, connect } = createServed();
      const next = createMessages(random, () => {
        const request = someRequest(random);
        const path =
          random.next() < 0.7 && request.op !== 'unwatch'
            ? ['own', String(random.integer(0, 40))]
            : request.path;
        return encodeRequest({ ...request, id: random.integer(0, 70), path });
      });
      const told: Record<string, number> = {};
      let reasons = 0;
      const before = process.memoryUsage().rss;
      for (let sent = 0; sent < SERVED; ) {
        const { calf, server } = connect();
        const reader = createFrameReader();
        const seqs = new Map<number, number>();
        calf.on('error', () => {});
        const read = (chunk: Buffer) => {
          reader.push(chunk);
          for (let bytes = reader.next(); bytes !== null; bytes = reader.next()) {
            const response = decodeResponse(bytes);
            told[response.kind] = (told[response.kind] ?? 0) + 1;
            if (response.kind === 'error') {
              expect(STORE_ERROR_CODES).toContain(Buffer.from(response.value).toString());
              continue;
            }
            if (response.kind !== 'event') continue;
            const { event, id } = response;
            expect(event.kind === 'lost' || isKeyPath(event.path)).toBe(true);
            // Numbers go on by one, and begin again with the watch.
            expect([1, (seqs.get(id) ?? 0) + 1]).toContain(event.seq);
            seqs.set(id, event.seq);
          }
        };
        const isReader = random.next() < 0.9;
        if (isReader) calf.on('data', read);
        for (let count = random.integer(1, 60); count > 0; count -= 1) {
          // Most are sound, or the connection would end with the first.
          const message = random.next() < 0.99 ? soundMessage(next, random) : next();
          const frame = random.next() < 0.003 ? random.bytes(random.integer(1, 40)) : frameOf(message);
          const at = random.integer(0, frame.length);
          calf.write(frame.subarray(0, at));
          calf.write(frame.subarray(at));
          sent += 1;
          if (random.next() < 0.3)
            store.write('priv', ['bridges', String(random.integer(0, 100))], random.bytes(3));
        }
        calf.end();
        // Who never reads may wait for ever on a clock that stands still.
        if (!isReader) setImmediate(() => setImmediate(() => server.close('time is over')));
        const reason = await server.closed;
        if (reason !== 'time is over') reasons += 1;
      }
      process.stderr.write(`store served: ${JSON.stringify({ ...told, reasons })}\n`);
      for (const kind of ['ok', 'error', 'event']) expect(told[kind]).toBeGreaterThan(0);
      expect(reasons).toBeGreaterThan(0);
      expect(process.memoryUsage().rss - before).toBeLessThan(200 * 1024 * 1024);
      const own = store.list('/own/**');
      expect(own.length).toBeLessThanOrEqual(DEFAULT_KEY_QUOTA.keys);
      expect(store.list('/**').filter(({ path }) => !['own', 'bridges'].includes(path[0] ?? ''))).toEqual([]);
    },
    TIMEOUT_MS,
  );

  /** One that is read, of those that come. */
  function soundMessage(next: () => Buffer, random: Random): Uint8Array {
    for (let tries = 0; tries < 20; tries += 1) {
      const message = next();
      if (attempt(decodeRequest, message) !== NOTHING) return message;
    }
    return encodeRequest(someRequest(random));
  }
});
