// SPDX-License-Identifier: Apache-2.0
/** Who gets a download when many want one and some never end well: plans and outcomes on a simulated clock. */
import { expect, it } from 'vitest';
import {
  type Actual,
  type ContentActual,
  createActual,
  originStateOf,
} from '../../eve-agent/src/reconcile/actual.ts';
import { adoptDesired } from '../../eve-agent/src/reconcile/adopt-desired.ts';
import { judgeFailure, judgeSlowness } from '../../eve-agent/src/reconcile/judge-failure.ts';
import {
  recordDatastore,
  recordResponse,
  recordSlowness,
  recordSourceFailure,
} from '../../eve-agent/src/reconcile/outcome.ts';
import { planSteps, type Step } from '../../eve-agent/src/reconcile/plan.ts';
import {
  datastoreIdOf,
  datastoreOf,
  desiredOf,
  LIMITS,
  sha256Of,
  treeOf,
} from '../../eve-agent/src/reconcile/test-fixtures.ts';
import { TransferError } from '../../eve-agent/src/transfer/errors.ts';
import { createRandom, randomOfThisRun } from '../random.ts';

const FAILING = ['silent', 'stalled', 'busy', 'lost'] as const;
/** Too slow: one comes to its end in ten minutes, though it begins anew each time, the other never does. */
const SLOW = ['crawling', 'dripping'] as const;
const KINDS = ['good', ...FAILING] as const;
type Kind = 'good' | (typeof FAILING)[number] | (typeof SLOW)[number];
const isSlow = (kind: Kind) => kind === 'crawling' || kind === 'dripping';
/** How long a download of each kind holds its slot. */
const LASTS_MS: Readonly<Record<Kind, number>> = {
  good: 500,
  silent: 10,
  stalled: 20_000,
  busy: 20,
  lost: 700,
  crawling: 600_000,
  dripping: Number.POSITIVE_INFINITY,
};
const ERRORS: Readonly<Record<(typeof FAILING)[number], TransferError>> = {
  silent: new TransferError('CONNECTION_FAILED', 'x', {
    retryable: true,
    details: { reached: 'connection' },
  }),
  stalled: new TransferError('STALLED', 'x', { retryable: true, details: { reached: 'connection' } }),
  busy: new TransferError('HTTP_STATUS', 'x', { retryable: true }),
  lost: new TransferError('CONNECTION_LOST', 'x', { retryable: true, details: { reached: 'response' } }),
};
const SCHEDULE = { steadyMs: 60_000, slowMs: 600_000 };

interface Running {
  readonly endMs: number;
  readonly slowFromMs: number;
  readonly step: Extract<Step, { kind: 'download' }>;
  readonly content: ContentActual;
}

/** Runs until `endMs`. @returns when each content had its turns, by its number; and what is verified in the end */
function simulate(kinds: readonly Kind[], slots: number, endMs: number) {
  const actual: Actual = createActual();
  const desired = desiredOf(
    kinds.map((_, number) => treeOf(number, { dsIdsList: [datastoreIdOf(1)] })),
    [datastoreOf(1, { fqdn: 'http://10.1.0.5' })],
  );
  adoptDesired(actual, desiredOf([]), desired, { nowMs: 0, wallMs: 0 });
  const numbers = new Map(kinds.map((_, number) => [sha256Of(`content ${number}`), number]));
  const turns = new Map<number, number[]>(kinds.map((_, number) => [number, []]));
  let running: Running[] = [];
  const limits = { ...LIMITS, maxDownloads: slots, maxDownloadsPerDatastore: slots };
  const factsAt = (nowMs: number) => ({
    ...{ schedule: SCHEDULE, maxMismatches: 5, random: 0 },
    ...{ nowMs, wallMs: nowMs },
  });
  const kindOf = (sha256: string): Kind => kinds[numbers.get(sha256) ?? -1] ?? 'good';

  for (let nowMs = 0; nowMs < endMs; ) {
    const plan = planSteps(desired, actual, (source) => originStateOf(actual, source), limits, 1e12, nowMs);
    for (const step of plan.steps) {
      const content = actual.contents.get('sha256' in step ? step.sha256 : '');
      if (content === undefined) continue;
      if (step.kind === 'yield') {
        const { source } = running.find((each) => each.content === content)?.step ?? {};
        if (source === undefined) throw new Error('nothing runs that could give way');
        running = running.filter((each) => each.content !== content);
        Object.assign(content, { activity: null, state: 'INITIAL', waitingSinceMs: nowMs });
        recordSlowness(content, source, 1, judgeSlowness(1), factsAt(nowMs));
      } else if (step.kind === 'download') {
        const { source } = step;
        const kind = kindOf(step.sha256);
        turns.get(numbers.get(step.sha256) ?? -1)?.push(nowMs);
        const abort = new AbortController();
        const activity = { kind: 'download', source, abort, startedMs: nowMs, slowBytesPerSecond: null };
        Object.assign(content, { activity, state: 'DOWNLOADING' });
        if (isSlow(kind)) recordResponse(originStateOf(actual, source));
        const slowFromMs = isSlow(kind) ? nowMs + LIMITS.slowTurnMs : Number.POSITIVE_INFINITY;
        running.push({ endMs: nowMs + LASTS_MS[kind], slowFromMs, step, content });
      }
    }
    if (plan.steps.some(({ kind }) => kind === 'yield')) continue;
    const times = running.flatMap((each) => [each.endMs, each.slowFromMs > nowMs ? each.slowFromMs : endMs]);
    const nextMs = Math.min(endMs, plan.wakeAtMs ?? endMs, ...times);
    expect(nextMs).toBeGreaterThan(nowMs);
    nowMs = nextMs;
    for (const { content, slowFromMs } of running) {
      if (content.activity?.kind === 'download' && slowFromMs <= nowMs)
        content.activity.slowBytesPerSecond = 1;
    }
    for (const { step, content } of running.filter((each) => each.endMs <= nowMs)) {
      const origin = originStateOf(actual, step.source);
      const kind = kindOf(step.sha256);
      Object.assign(content, { activity: null, state: 'INITIAL', waitingSinceMs: nowMs });
      if (kind === 'good' || isSlow(kind)) {
        recordResponse(origin);
        Object.assign(content, { state: 'VERIFIED', totalBytes: 1000, currentBytes: 1000 });
      } else {
        const judgement = judgeFailure(ERRORS[kind as (typeof FAILING)[number]]);
        const facts = factsAt(nowMs);
        recordDatastore(origin, step.sha256, judgement, facts);
        recordSourceFailure(content, step.source, judgement, { hadProgress: false, address: null }, facts);
      }
    }
    running = running.filter(({ endMs: atMs }) => atMs > nowMs);
  }
  const isVerified = (number: number) =>
    actual.contents.get(sha256Of(`content ${number}`))?.state === 'VERIFIED';
  return { turns, isVerified };
}

it('gives every content its turn, whatever the others do and in whatever order they stand', () => {
  const random = randomOfThisRun('fairness');
  for (let run = 0; run < 60; run += 1) {
    const { seed } = random.fork();
    const choose = createRandom(seed);
    const kinds = Array.from({ length: choose.integer(1, 40) }, () => choose.pick(KINDS));
    const slots = choose.integer(1, 2);
    const { turns } = simulate(kinds, slots, 3_600_000);
    const shown = `seed ${seed}: ${slots} of ${kinds.join(' ')}`;
    // A whole round, in which everything that lasts longest does, and a datastore that is left alone meanwhile.
    const longestMs = kinds.length * (LASTS_MS.stalled + SCHEDULE.steadyMs);
    for (const [number, kind] of kinds.entries()) {
      const at = turns.get(number) ?? [];
      expect(at[0] ?? Number.POSITIVE_INFINITY, `${shown}, first turn of ${number}`).toBeLessThan(longestMs);
      if (kind === 'good') expect(at.length, `${shown}, turns of ${number}`).toBe(1);
      else {
        const gaps = at.map((atMs, i) => (at[i + 1] ?? 3_600_000) - atMs);
        expect(Math.max(...gaps), `${shown}, gaps of ${number}`).toBeLessThanOrEqual(longestMs);
      }
    }
    // Nobody has a third turn before everybody has had one.
    const firsts = Math.max(...[...turns.values()].map(([atMs = 0]) => atMs));
    const thirds = Math.min(...[...turns.values()].map((at) => at[2] ?? Number.POSITIVE_INFINITY));
    if (kinds.length > 1) expect(firsts, shown).toBeLessThanOrEqual(thirds);
  }
});

it('lets good files pass any number of bad ones that stand before them', () => {
  const kinds: Kind[] = [...Array<Kind>(30).fill('silent'), ...Array<Kind>(30).fill('good')];
  const { turns } = simulate(kinds, 2, 3_600_000);
  for (let number = 30; number < 60; number += 1) {
    // Each of those before them once, four seconds apart.
    expect(turns.get(number)?.map((atMs) => atMs < 30 * 4000)).toEqual([true]);
  }
});

it('lets no datastore that drips hold up others, and brings what only crawls to its end', () => {
  const random = randomOfThisRun('slowness');
  for (let run = 0; run < 60; run += 1) {
    const { seed } = random.fork();
    const choose = createRandom(seed);
    const slots = choose.integer(1, 2);
    const kinds = [
      ...Array.from({ length: choose.integer(1, 6) }, () => choose.pick(SLOW)),
      ...Array.from({ length: choose.integer(1, 20) }, () => choose.pick(KINDS)),
    ].sort(() => choose.next() - 0.5);
    const shown = `seed ${seed}: ${slots} of ${kinds.join(' ')}`;
    const { turns, isVerified } = simulate(kinds, slots, 100_000_000);
    for (const [number, kind] of kinds.entries()) {
      if (kind === 'good') {
        // At worst each slow one is found out first, and each that stalls has its time.
        const longestMs = kinds.length * (LIMITS.slowTurnMs + LASTS_MS.stalled + SCHEDULE.steadyMs);
        const [firstMs = Number.POSITIVE_INFINITY] = turns.get(number) ?? [];
        expect(firstMs, `${shown}, ${number}`).toBeLessThanOrEqual(longestMs);
      }
      if (kind === 'good' || kind === 'crawling')
        expect(isVerified(number), `${shown}, ${number}`).toBe(true);
    }
  }
});
