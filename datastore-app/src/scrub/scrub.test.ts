// SPDX-License-Identifier: Apache-2.0
import { silentLog } from '@local-datastore/shared/log';
import { expect, it } from 'vitest';
import type { HashOutcome } from '../content/hasher.ts';
import type { Verifiable, Verification } from '../images/verification.ts';
import { findDue, scrub } from './scrub.ts';

const HOUR_MS = 3_600_000;
const VERSION = { sizeBytes: 1, mtimeNs: 1n, ctimeNs: 1n, inode: 1n, device: 1n };
const at = (hour: number) => new Date(hour * HOUR_MS).toISOString();
const image = (path: string, verified: string | null): Verifiable => ({
  ...{ path, version: VERSION, digest: { algorithm: 'sha256' as const, hex: 'good' }, verified },
});

it('begins with what was not read for longest', () => {
  const images = [image('new', at(9)), image('old', at(2)), image('never', null), image('older', at(1))];
  const due = (hour: number) =>
    findDue(images, { nowMs: hour * HOUR_MS, intervalMs: 10 * HOUR_MS }).map(({ path }) => path);
  expect(due(15)).toEqual(['never', 'older', 'old']);
  expect(due(10)).toEqual(['never']);
});

it('takes a time that is still to come for one that a wrong clock noted', () => {
  const images = [image('old', at(1)), image('to come', at(100))];
  const due = findDue(images, { nowMs: 20 * HOUR_MS, intervalMs: 10 * HOUR_MS });
  expect(due.map(({ path }) => path)).toEqual(['to come', 'old']);
});

/** Scrubs for so many rounds of an hour each. */
async function run(images: Verifiable[], outcomes: Record<string, HashOutcome[]>, rounds = 1) {
  const stop = new AbortController();
  const hashed: string[] = [];
  const noted: Verification[] = [];
  let nowMs = 100 * HOUR_MS;
  let round = 0;
  await scrub(
    {
      log: silentLog,
      verifiables: () => images,
      async noteVerified(verifications) {
        noted.push(...verifications);
        for (const { path, verified } of verifications) {
          images.splice(
            images.findIndex((candidate) => candidate.path === path),
            1,
            image(path, verified),
          );
        }
      },
      async hash(file) {
        hashed.push(file);
        return outcomes[file]?.shift() ?? { kind: 'hashed', hex: 'good' };
      },
      fileOf: (path) => path,
      now: () => nowMs,
      async wait() {
        nowMs += HOUR_MS;
        round += 1;
        if (round === rounds) stop.abort();
      },
    },
    { intervalMs: 10 * HOUR_MS },
    stop.signal,
  );
  return { hashed, noted };
}

it('reads each image once in an interval', async () => {
  const { hashed } = await run([image('a', at(95)), image('b', at(85))], {}, 12);
  expect(hashed).toEqual(['b', 'a', 'b']);
});

it('believes a difference only when it sees it twice', async () => {
  const bad = (): HashOutcome => ({ kind: 'hashed', hex: 'bad' });
  const { hashed, noted } = await run([image('once', null), image('twice', null)], {
    once: [bad()],
    twice: [bad(), bad()],
  });
  expect(hashed).toEqual(['once', 'once', 'twice', 'twice']);
  expect(noted.map(({ path, isCorrupt }) => [path, isCorrupt])).toEqual([
    ['once', false],
    ['twice', true],
  ]);
});

it('says nothing of what is being written or cannot be read, and does not dwell on it', async () => {
  const failed: HashOutcome = { kind: 'failed', reason: 'EIO' };
  const { hashed, noted } = await run(
    [image('changing', null), image('unreadable', null)],
    { changing: [{ kind: 'changed' }], unreadable: [failed, failed] },
    3,
  );
  expect(hashed).toEqual(['changing', 'unreadable', 'changing']);
  expect(noted.map(({ path }) => path)).toEqual(['changing']);
});
