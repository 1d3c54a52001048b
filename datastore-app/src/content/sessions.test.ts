// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { appendFile, mkdtemp, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DigestAlgorithm } from '@local-datastore/shared/digest/digest';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createHasher, type Hasher } from './hasher.ts';
import { createSessions, type Sessions } from './sessions.ts';
import { createSpace } from './space.ts';

const HOUR_MS = 3_600_000;
let incoming: string;
let hasher: Hasher;
let nowMs: number;
let hashed: string[];
let quotaBytes: number | undefined;
beforeEach(async () => {
  incoming = join(await mkdtemp(join(tmpdir(), 'sessions-')), '.incoming');
  hasher = createHasher();
  nowMs = Date.now();
  hashed = [];
  quotaBytes = undefined;
});
afterEach(async () => {
  await hasher.stop();
  await rm(join(incoming, '..'), { recursive: true });
});

/** A second one on the same folder is what the next start finds. */
async function start(maxSessions = 10, sizeOf?: (facts: string) => number): Promise<Sessions<string>> {
  const sessions = createSessions<string>(
    {
      space: createSpace(
        { freeBytes: async () => 1e12, usedBytes: () => 0 },
        { reserveBytes: 0, quotaBytes },
      ),
      hash: (file, ...rest) => {
        hashed.push(file);
        return hasher.hash(file, ...rest);
      },
      now: () => nowMs,
    },
    {
      incoming,
      kind: 'oci',
      parseFacts: (facts) => (typeof facts === 'string' ? facts : undefined),
      expiryMs: HOUR_MS,
      maxSessions,
      ...(sizeOf && { sizeOf }),
    },
  );
  await sessions.start();
  return sessions;
}

async function* pieces(...texts: string[]) {
  for (const text of texts) yield Buffer.from(text);
}
async function* broken(text: string) {
  yield Buffer.from(text);
  throw new Error('connection reset');
}
const digestOf = (text: string, algorithm: DigestAlgorithm = 'sha256') => ({
  algorithm,
  hex: createHash(algorithm).update(text).digest('hex'),
});
const place = async ({ file, sizeBytes }: { file: string; sizeBytes: number }) => {
  await rename(file, join(incoming, '..', 'placed'));
  return sizeBytes;
};
const placed = () => readFile(join(incoming, '..', 'placed'), 'utf8');
const names = () => readdir(incoming).catch(() => []);

async function begin(sessions: Sessions<string>, algorithm: DigestAlgorithm = 'sha256'): Promise<string> {
  const session = await sessions.create('facts', algorithm);
  expect(session).toMatchObject({ facts: 'facts', receivedBytes: 0 });
  return session?.id ?? '';
}

it('receives content of which neither size nor name is known', async () => {
  const sessions = await start();
  const id = await begin(sessions);
  expect(await sessions.append(id, undefined, pieces('ab', 'c'))).toEqual({
    kind: 'appended',
    receivedBytes: 3,
  });
  expect(await sessions.append(id, 3, pieces('def'))).toEqual({ kind: 'appended', receivedBytes: 6 });
  expect(await sessions.finish(id, digestOf('abcdef'), place)).toBe(6);
  expect(await placed()).toBe('abcdef');
  expect([await names(), hashed, sessions.count()]).toEqual([[], [], 0]);
  expect(await sessions.finish(id, digestOf('abcdef'), place)).toBeUndefined();
});

it.each<[string, DigestAlgorithm, DigestAlgorithm, number]>([
  ['as it was said', 'sha512', 'sha512', 0],
  ['of another algorithm', 'sha256', 'sha512', 1],
])('takes a digest %s', async (_what, said, asked, readings) => {
  const sessions = await start();
  const id = await begin(sessions, said);
  await sessions.append(id, 0, pieces('abc'));
  expect(await sessions.finish(id, digestOf('abc', asked), place)).toBe(3);
  expect(hashed).toHaveLength(readings);
});

it('takes no content at all', async () => {
  const sessions = await start();
  expect(await sessions.finish(await begin(sessions), digestOf(''), place)).toBe(0);
});

// Of six bytes, which chunk comes after which, and what is there then.
it.each<[string, readonly (readonly [number | undefined, string, string, number])[]]>([
  [
    'in order',
    [
      [0, 'abc', 'appended', 3],
      [3, 'def', 'appended', 6],
    ],
  ],
  [
    'without positions',
    [
      [undefined, 'abc', 'appended', 3],
      [undefined, 'def', 'appended', 6],
    ],
  ],
  [
    'with a gap at the beginning',
    [
      [3, 'def', 'misplaced', 0],
      [0, 'abcdef', 'appended', 6],
    ],
  ],
  [
    'with a gap',
    [
      [0, 'ab', 'appended', 2],
      [3, 'def', 'misplaced', 2],
      [2, 'cdef', 'appended', 6],
    ],
  ],
  [
    'with an overlap',
    [
      [0, 'abcd', 'appended', 4],
      [3, 'def', 'misplaced', 4],
      [4, 'ef', 'appended', 6],
    ],
  ],
  [
    'with a repeat',
    [
      [0, 'abc', 'appended', 3],
      [0, 'abc', 'misplaced', 3],
      [3, 'def', 'appended', 6],
    ],
  ],
  [
    'with an empty chunk',
    [
      [0, '', 'appended', 0],
      [0, 'abcdef', 'appended', 6],
      [6, '', 'appended', 6],
    ],
  ],
])('takes chunks %s', async (_what, chunks) => {
  const sessions = await start();
  const id = await begin(sessions);
  for (const [position, text, kind, receivedBytes] of chunks) {
    expect(await sessions.append(id, position, pieces(text))).toEqual({ kind, receivedBytes });
    expect(await sessions.find(id)).toMatchObject({ receivedBytes });
  }
  expect(await sessions.finish(id, digestOf('abcdef'), place)).toBe(6);
  expect(hashed).toEqual([]);
});

it('keeps what came before an error, and goes on from there, also after a restart', async () => {
  let sessions = await start();
  const id = await begin(sessions);
  await expect(sessions.append(id, 0, broken('ab'))).rejects.toThrow('connection reset');
  expect(await sessions.find(id)).toMatchObject({ receivedBytes: 2 });
  await sessions.append(id, 2, pieces('cd'));
  sessions = await start();
  expect(await sessions.find(id)).toEqual({ id, facts: 'facts', receivedBytes: 4 });
  await sessions.append(id, 4, pieces('ef'));
  expect(await sessions.finish(id, digestOf('abcdef'), place)).toBe(6);
  expect(hashed).toHaveLength(1);
});

it('removes what is not what it was said to be', async () => {
  const sessions = await start();
  const id = await begin(sessions);
  await sessions.append(id, 0, pieces('abc'));
  await expect(sessions.finish(id, digestOf('other'), place)).rejects.toMatchObject({
    code: 'DIGEST_MISMATCH',
  });
  expect([await names(), await sessions.find(id)]).toEqual([[], undefined]);
});

it('goes on where the content could not be taken', async () => {
  const sessions = await start();
  const id = await begin(sessions);
  await sessions.append(id, 0, pieces('abc'));
  const fail = () => Promise.reject(Object.assign(new Error('full'), { code: 'ENOSPC' }));
  await expect(sessions.finish(id, digestOf('abc'), fail)).rejects.toMatchObject({ code: 'NO_SPACE' });
  expect(await sessions.finish(id, digestOf('abc'), place)).toBe(3);
});

describe('of two that write', () => {
  /** Hands out one piece, and then none until it is told to. */
  function stalled(text: string) {
    const asked = Promise.withResolvers<void>();
    const more = Promise.withResolvers<string>();
    async function* content() {
      yield Buffer.from(text);
      asked.resolve();
      yield Buffer.from(await more.promise);
    }
    return { content: content(), asked: asked.promise, go: more.resolve };
  }

  it.each([0, 3 * 1024 * 1024])('the later goes on from what is there, of %d bytes', async (length) => {
    const sessions = await start();
    const id = await begin(sessions);
    const first = stalled('x'.repeat(length));
    const earlier = sessions.append(id, 0, first.content);
    await first.asked;
    const there = (await sessions.find(id))?.receivedBytes ?? -1;
    expect(there).toBe(Math.floor(length / (1024 * 1024)) * 1024 * 1024);
    const rest = 'y'.repeat(7);
    const outcome = await sessions.append(id, there, pieces(rest));
    expect(outcome).toEqual({ kind: 'appended', receivedBytes: there + 7 });
    first.go('zzz');
    expect(await earlier).toEqual({ kind: 'misplaced', receivedBytes: there + 7 });
    expect(await sessions.finish(id, digestOf('x'.repeat(there) + rest), place)).toBe(there + 7);
  });

  it('the earlier writes nothing to a session that was removed', async () => {
    const sessions = await start();
    const id = await begin(sessions);
    const first = stalled('x');
    const earlier = sessions.append(id, 0, first.content);
    await first.asked;
    expect(await sessions.remove(id)).toBe(true);
    first.go('zzz');
    expect(await earlier).toEqual({ kind: 'unknown' });
    expect([await names(), await sessions.remove(id)]).toEqual([[], false]);
  });
});

it('removes what was abandoned, and has room for a number only', async () => {
  const sessions = await start(2);
  const [old, active] = [await begin(sessions), await begin(sessions)];
  expect(await sessions.create('third', 'sha256')).toBeUndefined();
  nowMs += HOUR_MS - 1;
  await sessions.append(active, 0, pieces('x'));
  expect(await sessions.collectExpired()).toBe(0);
  nowMs += 1;
  expect(await sessions.collectExpired()).toBe(1);
  expect([await sessions.find(old), (await sessions.find(active))?.receivedBytes]).toEqual([undefined, 1]);
});

it('keeps within the quota, and keeps what was written of it', async () => {
  quotaBytes = 1000;
  const sessions = await start();
  const id = await begin(sessions);
  await expect(sessions.append(id, 0, pieces('x'.repeat(1001)))).rejects.toMatchObject({
    code: 'QUOTA_EXCEEDED',
  });
  expect(await sessions.append(id, 0, pieces('x'.repeat(1000)))).toMatchObject({ kind: 'appended' });
  await sessions.remove(id);
  const other = await begin(sessions);
  expect(await sessions.append(other, 0, pieces('x'.repeat(1000)))).toMatchObject({ kind: 'appended' });
});

it('takes up whole sessions only, and follows no link', async () => {
  const sessions = await start();
  const kept = await begin(sessions);
  const ids = ['a', 'b', 'c', 'd'].map((letter) => letter.repeat(32));
  const [noRecord, noContent, badRecord, link] = ids;
  await writeFile(join(incoming, `${noRecord}.oci`), 'x');
  await writeFile(join(incoming, `${noContent}.oci.json`), '"facts"');
  await writeFile(join(incoming, `${badRecord}.oci`), 'x');
  await writeFile(join(incoming, `${badRecord}.oci.json`), '{"half');
  await writeFile(join(incoming, '..', 'secret'), 'secret');
  await symlink('../secret', join(incoming, `${link}.oci`));
  await writeFile(join(incoming, `${link}.oci.json`), '"facts"');
  await writeFile(join(incoming, `${kept}.upload`), 'of others');
  const next = await start();
  expect(next.count()).toBe(1);
  expect((await names()).sort()).toEqual([`${kept}.oci`, `${kept}.oci.json`, `${kept}.upload`]);
  expect(await readFile(join(incoming, '..', 'secret'), 'utf8')).toBe('secret');
});

it('reads again what another program wrote to', async () => {
  const sessions = await start();
  const id = await begin(sessions);
  await sessions.append(id, 0, pieces('abc'));
  await appendFile(join(incoming, `${id}.oci`), 'def');
  await expect(sessions.finish(id, digestOf('abc'), place)).rejects.toMatchObject({
    code: 'DIGEST_MISMATCH',
  });
});

describe('of content whose size is known', () => {
  const sizeOf = (facts: string) => Number(facts);

  it('all of the room is kept from the beginning to the end, also between writings', async () => {
    quotaBytes = 100;
    const sessions = await start(10, sizeOf);
    const session = await sessions.create('60', 'sha256');
    await sessions.append(session?.id ?? '', 0, pieces('abc'));
    await expect(sessions.create('41', 'sha256')).rejects.toMatchObject({ code: 'QUOTA_EXCEEDED' });
    expect(await sessions.create('40', 'sha256')).toBeDefined();
  });

  it('and after a restart', async () => {
    quotaBytes = 100;
    const before = await start(10, sizeOf);
    const session = await before.create('60', 'sha256');
    const sessions = await start(10, sizeOf);
    await expect(sessions.create('41', 'sha256')).rejects.toMatchObject({ code: 'QUOTA_EXCEEDED' });
    await sessions.remove(session?.id ?? '');
    expect(await sessions.create('100', 'sha256')).toBeDefined();
  });
});
