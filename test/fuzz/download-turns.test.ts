/** Who gets a download when many want one and some never end well: plans and outcomes on a simulated clock. */
import { expect, it } from 'vitest';
import { TransferError } from '../../eve-agent/src/download/errors.ts';
import {
  type Actual,
  type ContentActual,
  createActual,
  originStateOf,
} from '../../eve-agent/src/reconcile/actual.ts';
import { adoptDesired } from '../../eve-agent/src/reconcile/adopt-desired.ts';
import { judgeFailure } from '../../eve-agent/src/reconcile/judge-failure.ts';
import {
  recordDatastore,
  recordResponse,
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
import { createRandom, randomOfThisRun } from '../random.ts';

const KINDS = ['good', 'silent', 'stalled', 'busy', 'lost'] as const;
type Kind = (typeof KINDS)[number];
/** How long a download of each kind holds its slot. */
const LASTS_MS: Readonly<Record<Kind, number>> = {
  good: 500,
  silent: 10,
  stalled: 20_000,
  busy: 20,
  lost: 700,
};
const ERRORS: Readonly<Record<Exclude<Kind, 'good'>, TransferError>> = {
  silent: new TransferError('CONNECTION_FAILED', 'x', {
    retryable: true,
    details: { reached: 'connection' },
  }),
  stalled: new TransferError('STALLED', 'x', { retryable: true, details: { reached: 'connection' } }),
  busy: new TransferError('HTTP_STATUS', 'x', { retryable: true }),
  lost: new TransferError('CONNECTION_LOST', 'x', { retryable: true, details: { reached: 'response' } }),
};
const SCHEDULE = { steadyMs: 60_000, slowMs: 600_000 };

/** Runs until `endMs`. @returns when each content had its turns, by its number */
function simulate(kinds: readonly Kind[], slots: number, endMs: number): Map<number, number[]> {
  const actual: Actual = createActual();
  const desired = desiredOf(
    kinds.map((_, number) => treeOf(number, { dsIdsList: [datastoreIdOf(1)] })),
    [datastoreOf(1, { fqdn: 'http://10.1.0.5' })],
  );
  adoptDesired(actual, desiredOf([]), desired, { nowMs: 0, wallMs: 0 });
  const numbers = new Map(kinds.map((_, number) => [sha256Of(`content ${number}`), number]));
  const turns = new Map<number, number[]>(kinds.map((_, number) => [number, []]));
  const ends: { atMs: number; step: Extract<Step, { kind: 'download' }>; content: ContentActual }[] = [];
  const limits = { ...LIMITS, maxDownloads: slots, maxDownloadsPerDatastore: slots };
  const kindOf = (sha256: string): Kind => kinds[numbers.get(sha256) ?? -1] ?? 'good';

  for (let nowMs = 0; nowMs < endMs; ) {
    const plan = planSteps(desired, actual, (source) => originStateOf(actual, source), limits, 1e12, nowMs);
    for (const step of plan.steps) {
      const content = actual.contents.get('sha256' in step ? step.sha256 : '');
      if (step.kind !== 'download' || content === undefined) continue;
      turns.get(numbers.get(step.sha256) ?? -1)?.push(nowMs);
      const abort = new AbortController();
      Object.assign(content, {
        activity: { kind: 'download', source: step.source, abort },
        state: 'DOWNLOADING',
      });
      ends.push({ atMs: nowMs + LASTS_MS[kindOf(step.sha256)], step, content });
    }
    ends.sort((left, right) => left.atMs - right.atMs);
    const nextMs = Math.min(ends[0]?.atMs ?? endMs, plan.wakeAtMs ?? endMs);
    expect(nextMs).toBeGreaterThan(nowMs);
    nowMs = nextMs;
    while (ends[0] !== undefined && ends[0].atMs <= nowMs) {
      const { step, content } = ends.shift() as (typeof ends)[number];
      const origin = originStateOf(actual, step.source);
      const kind = kindOf(step.sha256);
      const facts = { schedule: SCHEDULE, maxMismatches: 5, nowMs, wallMs: nowMs, random: 0 };
      Object.assign(content, { activity: null, state: 'INITIAL', waitingSinceMs: nowMs });
      if (kind === 'good') {
        recordResponse(origin);
        Object.assign(content, { state: 'VERIFIED', totalBytes: 1000, currentBytes: 1000 });
      } else {
        const judgement = judgeFailure(ERRORS[kind]);
        recordDatastore(origin, step.sha256, judgement, facts);
        recordSourceFailure(content, step.source, judgement, { hadProgress: false, address: null }, facts);
      }
    }
  }
  return turns;
}

it('gives every content its turn, whatever the others do and in whatever order they stand', () => {
  const random = randomOfThisRun('fairness');
  for (let run = 0; run < 60; run += 1) {
    const { seed } = random.fork();
    const choose = createRandom(seed);
    const kinds = Array.from({ length: choose.integer(1, 40) }, () => choose.pick(KINDS));
    const slots = choose.integer(1, 2);
    const turns = simulate(kinds, slots, 3_600_000);
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
  const turns = simulate(kinds, 2, 3_600_000);
  for (let number = 30; number < 60; number += 1) {
    // Each of those before them once, four seconds apart.
    expect(turns.get(number)?.map((atMs) => atMs < 30 * 4000)).toEqual([true]);
  }
});
