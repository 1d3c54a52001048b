// SPDX-License-Identifier: Apache-2.0
import { beforeEach, describe, expect, it } from 'vitest';
import { type Actual, type ContentActual, createActual, originStateOf, sourceStateOf } from './actual.ts';
import { adoptDesired } from './adopt-desired.ts';
import type { Desired } from './desired.ts';
import { type PlanLimits, planSteps } from './plan.ts';
import type { Source } from './source.ts';
import {
  type configOf,
  datastoreIdOf,
  datastoreOf,
  desiredOf,
  LIMITS,
  sha256Of,
  treeOf,
  uuidOf,
} from './test-fixtures.ts';

const ONE_SLOT = { maxDownloads: 1, maxDownloadsPerDatastore: 1 };
const at = (...numbers: number[]) => ({ dsIdsList: numbers.map(datastoreIdOf) });
/** At addresses, which need no question before they are asked. */
const datastores = [1, 2, 3].map((number) => datastoreOf(number, { fqdn: `http://10.1.0.${number}` }));

let actual: Actual;
let desired: Desired;

beforeEach(() => {
  actual = createActual();
});

function want(...trees: Parameters<typeof configOf>[0][]) {
  desired = desiredOf(trees.flat(), datastores);
  adoptDesired(actual, desiredOf([]), desired, { nowMs: 0, wallMs: 0 });
  for (const source of [...desired.trees.values()].flatMap(({ sources }) => sources))
    originStateOf(actual, source).status = 'reachable';
}
const sourceOf = (number: number, index = 0) => desired.trees.get(uuidOf(number))?.sources[index] as Source;
function contentOf(number: number): ContentActual {
  const content = actual.contents.get(sha256Of(`content ${number}`));
  if (content === undefined) throw new Error(`no content ${number}`);
  return content;
}
const knownSlow = (number: number, bytesPerSecond: number, turns = 1, index = 0) => {
  sourceStateOf(contentOf(number), sourceOf(number, index).key).slow = { bytesPerSecond, turns };
};
function download(number: number, slowBytesPerSecond: number | null, startedMs = 0, index = 0) {
  const abort = new AbortController();
  const activity = {
    kind: 'download',
    source: sourceOf(number, index),
    abort,
    startedMs,
    slowBytesPerSecond,
  };
  Object.assign(contentOf(number), { state: 'DOWNLOADING', activity });
  return abort;
}
const plan = (nowMs: number, limits: Partial<PlanLimits> = ONE_SLOT) =>
  planSteps(
    desired,
    actual,
    (source) => originStateOf(actual, source),
    { ...LIMITS, ...limits },
    1e12,
    nowMs,
  );
const stepsOf = (...args: Parameters<typeof plan>) =>
  plan(...args).steps.map((step) => {
    const number = [...Array(20).keys()].find(
      (i) => 'sha256' in step && step.sha256 === sha256Of(`content ${i}`),
    );
    return `${step.kind} ${number}`;
  });

describe('a download that is too slow', () => {
  it('goes on while nobody waits for its slot', () => {
    want([treeOf(1)]);
    download(1, 0.5);
    expect(plan(1e9)).toMatchObject({ steps: [], wakeAtMs: null });
  });

  it('gives its slot to what waits, which takes it once it is free', () => {
    want([treeOf(1), treeOf(2), treeOf(3)]);
    const abort = download(1, 0.5);
    expect(stepsOf(1000)).toEqual(['yield 1']);
    abort.abort();
    expect(stepsOf(1001)).toEqual([]);
    Object.assign(contentOf(1), { activity: null, state: 'INITIAL', waitingSinceMs: 1002 });
    expect(stepsOf(1002)).toEqual(['download 2']);
  });

  it('does not go where that would help nobody', () => {
    want([treeOf(1), treeOf(2, at(2)), treeOf(3, at(2)), treeOf(4, at(1))]);
    download(1, 0.5);
    download(2, null);
    // Datastore 2 is full whatever datastore 1 does, and content 4 has a slot of its own.
    expect(stepsOf(0, { maxDownloads: 4, maxDownloadsPerDatastore: 1 })).toEqual(['yield 1']);
    Object.assign(contentOf(4), { state: 'VERIFIED' });
    expect(stepsOf(0, { maxDownloads: 4, maxDownloadsPerDatastore: 1 })).toEqual([]);
  });

  it('does not go for what has no space', () => {
    want([treeOf(1), treeOf(2, { maxSizeBytes: '2000000000000' })]);
    download(1, 0.5);
    expect(stepsOf(0)).toEqual([]);
  });

  it('goes one for each that waits, the longest turn first', () => {
    want([1, 2, 3, 4, 5].map((number) => treeOf(number, at(1))));
    download(1, 5, 2000);
    download(2, 7, 1000);
    download(3, 9, 3000);
    const limits = { maxDownloads: 3, maxDownloadsPerDatastore: 3, smallBytes: 1e6 };
    expect(stepsOf(40_000, limits)).toEqual(['yield 2', 'yield 1']);
  });

  it('stays where it is fast enough', () => {
    want([treeOf(1), treeOf(2)]);
    download(1, null);
    expect(stepsOf(1e9)).toEqual([]);
  });

  it.each([
    ['failed twice', { failures: 2 }, ['yield 1']],
    ['fails each time', { failures: 3 }, []],
    ['sends wrong bytes', { failures: 1, mismatches: 2 }, []],
  ])('goes at once for what is not hopeless: one that %s', (_, facts, steps) => {
    want([treeOf(1), treeOf(2)]);
    Object.assign(sourceStateOf(contentOf(2), sourceOf(2).key), facts);
    download(1, 0.5, 1000);
    expect(stepsOf(2000)).toEqual(steps);
    expect(stepsOf(31_000)).toEqual(['yield 1']);
  });

  it.each([
    ['a first turn', 0, 30_000],
    ['a second one', 1, 60_000],
    ['a sixth one', 5, 960_000],
  ])('keeps its slot for %s against one that is as slow', (_, turns, lengthMs) => {
    want([treeOf(1), treeOf(2)]);
    knownSlow(2, 0.5);
    if (turns > 0) knownSlow(1, 0.5, turns);
    download(1, 0.5, 1000);
    expect(plan(1000 + lengthMs - 1)).toMatchObject({ steps: [], wakeAtMs: 1000 + lengthMs });
    expect(stepsOf(1000 + lengthMs)).toEqual(['yield 1']);
  });
});

describe('another source of the same content', () => {
  beforeEach(() => want([treeOf(1, at(1, 2))]));
  const other = () => sourceStateOf(contentOf(1), sourceOf(1, 1).key);
  const failure = { code: 'STALLED', message: '', atMs: 0, severity: 'SEVERITY_NOTICE' as const };

  it.each<[what: string, prepare: () => void, steps: string[]]>([
    ['was never asked', () => {}, ['yield 1']],
    ['was slow, but much faster', () => knownSlow(1, 300, 1, 1), ['yield 1']],
    ['was hardly faster', () => knownSlow(1, 150, 1, 1), []],
    ['was slower', () => knownSlow(1, 0.5, 1, 1), []],
    ['failed the last time', () => Object.assign(other(), { failure, failures: 1 }), []],
    ['waits', () => Object.assign(other(), { waitUntilMs: 5000 }), []],
    ['sent wrong bytes', () => Object.assign(other(), { mismatches: 1 }), []],
    ['cannot be reached', () => (originStateOf(actual, sourceOf(1, 1)).failures = 2), []],
  ])('that %s', (_, prepare, steps) => {
    prepare();
    download(1, 100, 0);
    expect(stepsOf(1000)).toEqual(steps);
  });

  it('that failed is tried again when the slow one has had its turn', () => {
    Object.assign(other(), { failure, failures: 1 });
    download(1, 100, 0);
    expect(plan(29_999)).toMatchObject({ steps: [], wakeAtMs: 30_000 });
    expect(stepsOf(30_000)).toEqual(['yield 1']);
  });

  it('is asked for by multicast DNS before anything is given up', () => {
    desired = desiredOf([treeOf(1, at(1, 2))], [datastores[0] as object, datastoreOf(2)]);
    adoptDesired(actual, desiredOf([]), desired, { nowMs: 0, wallMs: 0 });
    download(1, 100, 0);
    expect(plan(0).steps).toMatchObject([{ kind: 'probe', source: { host: 'ds2.local' } }]);
    originStateOf(actual, sourceOf(1, 1)).status = 'found';
    expect(stepsOf(0)).toEqual(['yield 1']);
  });

  it('comes before the slow one, which comes again when the other one fails; of slow ones the fastest', () => {
    knownSlow(1, 100);
    const chosen = () => plan(0).steps.map((step) => 'source' in step && step.source.datastoreId);
    expect(chosen()).toEqual([datastoreIdOf(2)]);
    other().waitUntilMs = 5000;
    expect(chosen()).toEqual([datastoreIdOf(1)]);
    other().waitUntilMs = 0;
    knownSlow(1, 300, 1, 1);
    expect(chosen()).toEqual([datastoreIdOf(2)]);
  });
});
