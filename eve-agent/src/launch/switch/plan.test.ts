// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import type { RestartPolicy } from '../engine/container-spec.ts';
import type { Role, VersionContainer } from './names.ts';
import { chooseRollback, type Goal, nextGeneration, nextStep } from './plan.ts';
import { type Facts, type Observed, stepName } from './steps.ts';

const NO: RestartPolicy = { Name: 'no' };
const UNLESS: RestartPolicy = { Name: 'unless-stopped' };
const NOTHING: Facts = {
  ...{ hasFailed: false, hadRule: false, wasAway: false, started: new Set(), judged: new Set() },
  ...{ settled: new Set(), drained: new Set(), givenUp: new Set() },
};

/** `serving 1 up`, `next 2>1`, `old 1`: role, generation, what it replaces, whether it runs and how it restarts. */
function container(text: string): VersionContainer {
  const [role = '', versions = '', ...rest] = text.split(' ');
  const [generation, replaces] = versions.split('>');
  const isUp = rest.includes('up');
  const serves = role === 'serving' || rest.includes('unless');
  return {
    id: text,
    role: role as Role,
    generation: Number(generation),
    oldNumber: role === 'old' ? Number(generation) : null,
    replaces: replaces === undefined ? null : Number(replaces),
    isUp,
    restart: serves && !rest.includes('no') ? UNLESS : NO,
    wantedRestart: rest.includes('job') ? NO : UNLESS,
    isOurs: true,
    imageId: `image ${generation}`,
  };
}
const see = (texts: readonly string[], hasRule = false): Observed => ({
  containers: texts.map(container),
  hasRule,
});
const facts = (more: Partial<Record<keyof Facts, readonly string[] | boolean>> = {}): Facts => ({
  ...NOTHING,
  ...Object.fromEntries(
    Object.entries(more).map(([name, value]) => [name, typeof value === 'boolean' ? value : new Set(value)]),
  ),
});
const name = (observed: Observed, goal: Goal, known: Facts = NOTHING, keep: number | null = null) => {
  const next = nextStep(observed, goal, known, keep);
  return next === null ? null : `${stepName(next.step)}${next.isForGoal ? '' : ' (putting right)'}`;
};

const deploy = { kind: 'deploy', generation: 2, isBeside: true, hasRule: true } as const;
const inPlace = { ...deploy, isBeside: false, hasRule: false };
const rollback = { ...deploy, kind: 'rollback', generation: 1 } as const;
const S = 'serving 1 up';
const T = 'candidate 2 up';
const W = 'next 2>1';
const judgedT = { started: [T], judged: [T] };

describe('to the next version, with a rule', () => {
  const upW = `${W} up`;
  const ready = { started: [T, upW], judged: [T, upW], drained: [S], hadRule: true };
  const down = 'serving 1';
  it.each<[string, Observed, Facts]>([
    ['create candidate', see([S]), facts()],
    ['start candidate', see([S, 'candidate 2']), facts()],
    ['judge candidate', see([S, T]), facts({ started: [T] })],
    // It has ended: it is judged, and found so.
    [
      'judge candidate',
      see([S, 'candidate 2']),
      facts({ started: ['candidate 2'], judged: ['candidate 2'] }),
    ],
    ['create next', see([S, T]), facts(judgedT)],
    ['add-rule candidate', see([S, T, W]), facts(judgedT)],
    ['stop serving', see([S, T, W]), facts({ ...judgedT, givenUp: [`add-rule ${T}`] })],
    ['drain serving', see([S, T, W], true), facts(judgedT)],
    ['stop serving', see([S, T, W], true), facts({ ...judgedT, drained: [S] })],
    ['start next', see([down, T, W], true), facts(judgedT)],
    ['judge next', see([down, T, upW], true), facts({ ...judgedT, started: [T, upW] })],
    ['judge next', see([down, T, W], true), facts({ started: [T, W], judged: [T, W] })],
    ['settle', see([down, T, upW], true), facts(ready)],
    ['rename serving to old', see([down, T, upW], true), facts({ ...ready, settled: [upW] })],
    ['remove old', see([down, T, upW, 'old 1'], true), facts({ ...ready, settled: [upW] })],
    ['set-restart next', see(['old 1 unless', T, upW], true), facts({ ...ready, settled: [upW] })],
    [
      'rename next to serving',
      see(['old 1', T, `${upW} unless`], true),
      facts({ started: [T, `${upW} unless`], judged: [T, `${upW} unless`], settled: [`${upW} unless`] }),
    ],
    [
      'remove-rule (putting right)',
      see(['serving 2 up', T, 'old 1 unless'], true),
      facts({ judged: ['serving 2 up'] }),
    ],
    ['drain candidate (putting right)', see(['serving 2 up', T, 'old 1 unless']), facts({ hadRule: true })],
    ['stop candidate (putting right)', see(['serving 2 up', T]), facts({ hadRule: true, drained: [T] })],
    ['remove candidate (putting right)', see(['serving 2 up', 'candidate 2']), facts()],
    ['set-restart old (putting right)', see(['serving 2 up', 'old 1 unless']), facts()],
  ])('%s', (expected, observed, known) => {
    expect(name(observed, deploy, known)).toBe(expected);
  });

  it('is done', () => {
    expect(name(see(['serving 2 up', 'old 1']), deploy)).toBeNull();
  });
  it('what was put right in vain is removed for it', () => {
    expect(name(see(['serving 1', 'next 5>1']), inPlace)).toBe('remove next');
    expect(name(see(['serving 1', 'back 0']), inPlace)).toBe('rename back to old');
  });
});

describe('to the next version, in place', () => {
  it.each<[string, Observed, Facts]>([
    ['create next', see([S]), facts()],
    ['stop serving', see([S, W]), facts()],
    ['start next', see(['serving 1', W]), facts()],
    // The first one.
    ['create next', see([]), facts()],
    ['start next', see(['next 2']), facts()],
    ['set-restart next', see(['next 2 up']), facts({ judged: ['next 2 up'], settled: ['next 2 up'] })],
    [
      'rename next to serving',
      see(['next 2 up unless']),
      facts({ judged: ['next 2 up unless'], settled: ['next 2 up unless'] }),
    ],
  ])('%s', (expected, observed, known) => {
    expect(name(observed, inPlace, known)).toBe(expected);
  });
});

describe('back to an old version', () => {
  const now = 'serving 2 up';
  const t = 'candidate 1 up';
  it.each<[string, Observed, Facts]>([
    ['create candidate', see([now, 'old 1']), facts()],
    ['rename old to back', see([now, t, 'old 1']), facts({ judged: [t] })],
    ['add-rule candidate', see([now, t, 'back 1']), facts({ judged: [t] })],
    ['start back', see(['serving 2', t, 'back 1'], true), facts({ judged: [t] })],
    [
      'rename serving to old',
      see(['serving 2', t, 'back 1 up'], true),
      facts({ judged: [t, 'back 1 up'], settled: ['back 1 up'] }),
    ],
    [
      'set-restart back',
      see(['old 2', t, 'back 1 up'], true),
      facts({ judged: [t, 'back 1 up'], settled: ['back 1 up'] }),
    ],
    ['stop candidate (putting right)', see(['serving 1 up', t, 'old 2']), facts()],
  ])('%s', (expected, observed, known) => {
    expect(name(observed, rollback, known)).toBe(expected);
  });
});

describe('putting right', () => {
  it.each<[string | null, string, Observed]>([
    ['remove candidate', 'killed while it was tried', see([S, 'candidate 2'])],
    ['stop candidate', 'the same, while it ran', see([S, T])],
    ['remove next', 'killed before the old one was stopped', see([S, W])],
    ['start serving', 'killed after it', see(['serving 1', W])],
    ['stop next', 'killed after the new one was started', see(['serving 1', `${W} up`])],
    ['await serving', 'killed with a rule', see([S, T, W], true)],
    ['start serving', 'killed with a rule and the old one stopped', see(['serving 1', T, W], true)],
    ['set-restart next', 'killed after it was committed', see(['old 1 unless', `${W} up`, T], true)],
    [
      'rename next to serving',
      'killed after it had its policy',
      see(['old 1 unless', `${W} up unless`, T], true),
    ],
    ['start next', 'the machine started again then', see(['old 1', W])],
    ['stop old', 'and the old one came back', see(['old 1 up', W])],
    ['remove next', 'killed in the first version', see(['next 2'])],
    ['stop next', 'the same, while it ran', see(['next 2 up'])],
    ['remove next', 'somebody removed the one that served', see(['next 3>2', 'old 1'])],
    ['rename back to old', 'killed in a rollback', see(['serving 2 up', 'back 1'])],
    ['stop back', 'the same, while it ran', see(['serving 2', 'back 1 up'])],
    ['start serving', 'the same, while both were stopped', see(['serving 2', 'back 1'])],
    ['set-restart back', 'killed after the rollback was committed', see(['old 2', 'back 1 up'])],
    ['stop old', 'an old one runs', see(['serving 2 up', 'old 1 up'])],
    ['set-restart old', 'an old one would come back', see(['serving 2 up', 'old 1 unless'])],
    ['set-restart serving', 'it runs, and would not come back', see(['serving 2 up no'])],
    ['remove next', 'what was stopped on purpose stays so', see(['serving 1 no', W])],
    ['start serving', 'a job that was stopped for the new version', see(['serving 1 job no', W])],
    [null, 'stopped on purpose', see(['serving 1 no'])],
    [null, 'stopped by hand', see(['serving 1'])],
    [null, 'all is right', see([S, 'old 0'])],
    [null, 'nothing is there', see([])],
    ['remove-rule', 'a rule without anything', see([], true)],
  ])('%s: %s', (expected, _what, observed) => {
    expect(name(observed, { kind: 'converge' })).toBe(expected && `${expected} (putting right)`);
  });

  it.each<[string | null, string, Observed]>([
    ['start serving', 'which it was to keep running', see(['serving 1'])],
    ['start serving', 'beside a candidate', see(['serving 1', 'candidate 2'])],
    [null, 'stopped on purpose', see(['serving 1 no'])],
    [null, 'a job, which may have come to its end', see(['serving 1 job no'])],
    [null, 'that runs', see([S])],
  ])('%s: an engine that was away has left one %s', (expected, _what, observed) => {
    const away = facts({ wasAway: true });
    expect(name(observed, { kind: 'converge' }, away)).toBe(expected && `${expected} (putting right)`);
    // Not again and again.
    const tried = facts({ wasAway: true, started: ['serving 1'] });
    expect(name(see(['serving 1']), { kind: 'converge' }, tried)).toBeNull();
  });

  it('what cannot be started leaves the trace of the switch, for who looks next', () => {
    const observed = see(['serving 1', W]);
    expect(name(observed, { kind: 'converge' }, facts({ givenUp: ['start serving 1'] }))).toBeNull();
    const heir = see(['old 1', W]);
    expect(name(heir, { kind: 'converge' }, facts({ givenUp: [`start ${W}`] }))).toBeNull();
  });

  it('after a failure nothing is done for the goal', () => {
    const failed = facts({ hasFailed: true, started: [T], judged: [T], hadRule: true });
    expect(name(see(['serving 1', T, W], true), deploy, failed)).toBe('start serving (putting right)');
    expect(name(see([S, T, W], true), deploy, { ...failed, started: new Set([S]) })).toBe(
      'await serving (putting right)',
    );
  });

  it.each([
    [2, null],
    [1, 'remove old (putting right)'],
    [0, 'remove old (putting right)'],
  ])('keeps %i old versions', (keep, expected) => {
    const observed = see(['serving 3 up', 'old 1', 'old 2']);
    expect(name(observed, { kind: 'converge' }, NOTHING, keep)).toBe(expected);
    const next = nextStep(observed, { kind: 'converge' }, NOTHING, keep)?.step;
    if (keep === 1) expect(next).toMatchObject({ target: { generation: 1 } });
  });
});

it.each([
  ['the newest', ['serving 4>3 up', 'old 3', 'old 2', 'old 1'], 1, ['old 2', 'old 1']],
  ['what served last', ['serving 4>1 up', 'old 3', 'old 2', 'old 1'], 1, ['old 3', 'old 2']],
  ['and the newest', ['serving 4>1 up', 'old 3', 'old 2', 'old 1'], 2, ['old 2']],
  ['what can be gone back to', ['serving 2>1 up', 'old 3', 'old 1'], 1, ['old 3']],
])('%s stays of the old ones', (_what, texts, keep, removed) => {
  const left = [...texts];
  for (;;) {
    const next = nextStep(see(left), { kind: 'converge' }, NOTHING, keep);
    if (next === null) break;
    if (next.step.kind !== 'remove') throw new Error(next.step.kind);
    left.splice(left.indexOf(next.step.target.id), 1);
  }
  expect(texts.filter((text) => !left.includes(text))).toEqual(removed);
});

describe('what is done to the one that is there', () => {
  const up = 'serving 1 up no';
  it.each<[string | null, Goal['kind'], Observed, Facts]>([
    ['set-restart serving', 'stop', see([S]), facts()],
    ['stop serving', 'stop', see([up]), facts()],
    [null, 'stop', see(['serving 1 no']), facts()],
    ['start serving', 'start', see(['serving 1 no']), facts()],
    ['judge serving', 'start', see([up]), facts({ started: [up] })],
    ['settle', 'start', see([up]), facts({ started: [up], judged: [up] })],
    ['set-restart serving (putting right)', 'start', see([up]), facts({ judged: [up], settled: [up] })],
    ['restart serving', 'restart', see([S]), facts()],
    ['judge serving', 'restart', see([S]), facts({ started: [S] })],
    ['start serving', 'restart', see(['serving 1 no']), facts()],
    ['remove-rule', 'remove', see([S, 'old 0'], true), facts()],
    ['remove old', 'remove', see([S, 'old 0']), facts()],
    ['stop serving', 'remove', see([S]), facts()],
    ['remove serving', 'remove', see(['serving 1']), facts()],
    [null, 'remove', see([]), facts()],
    [null, 'start', see([]), facts()],
    [null, 'stop', see([]), facts()],
  ])('%s (%s)', (expected, kind, observed, known) => {
    expect(name(observed, { kind } as Goal, known)).toBe(expected);
  });
});

describe('versions', () => {
  it.each([
    [see([]), 1],
    [see([S, 'old 0']), 2],
    [see(['serving 2 up', 'old 7']), 8],
  ])('count up', (observed, generation) => {
    expect(nextGeneration(observed)).toBe(generation);
  });

  it.each([
    [['serving 3 up', 'old 2', 'old 1'], undefined, 2],
    // What was just left is not gone back to.
    [['serving 2 up', 'old 3', 'old 1'], undefined, 1],
    [['serving 2 up', 'old 3', 'old 1'], 3, 3],
    [['serving 1 up', 'old 3'], undefined, null],
    [['serving 3 up', 'old 2'], 1, null],
    [['serving 3 up', 'old 2'], 3, null],
    [['old 2', 'old 1'], undefined, 2],
    // Version 2 was gone back from before version 3 came.
    [['serving 3>1 up', 'old 2', 'old 1'], undefined, 1],
    [['serving 3>1 up', 'old 2'], undefined, 2],
    [[], undefined, null],
  ])('of %j a rollback to %s leads to %s', (texts, wanted, generation) => {
    expect(chooseRollback(see(texts), wanted)?.generation ?? null).toBe(generation);
  });
});
