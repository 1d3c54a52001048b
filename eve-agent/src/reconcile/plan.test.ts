// SPDX-License-Identifier: Apache-2.0
import { beforeEach, describe, expect, it } from 'vitest';
import { type Actual, createActual, originStateOf, sourceStateOf } from './actual.ts';
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

const PLENTY = 1e12;
let actual: Actual;
let desired: Desired;

beforeEach(() => {
  actual = createActual();
});

function want(...args: Parameters<typeof configOf>) {
  const before = desired ?? desiredOf([]);
  desired = desiredOf(...args);
  adoptDesired(actual, before, desired, { nowMs: 0, wallMs: 0 });
}
const originOf = (source: Source) => originStateOf(actual, source);
const plan = (nowMs = 0, limits: Partial<PlanLimits> = {}, freeBytes = PLENTY) =>
  planSteps(desired, actual, originOf, { ...LIMITS, ...limits }, freeBytes, nowMs);
const stepsOf = (...args: Parameters<typeof plan>) =>
  plan(...args).steps.map((step) =>
    [step.kind, 'sha256' in step ? numberOf(step.sha256) : '', 'name' in step ? step.name : '']
      .filter(Boolean)
      .join(' '),
  );
/** Which of the fixtures' contents a digest is of. */
const numberOf = (sha256: string) =>
  [...Array(50).keys()].find((number) => sha256Of(`content ${number}`) === sha256) ?? sha256.slice(0, 4);
const contentOf = (number: number) => {
  const content = actual.contents.get(sha256Of(`content ${number}`));
  if (content === undefined) throw new Error(`no content ${number}`);
  return content;
};
/** All datastores answer. */
function reach() {
  for (const { parts } of desired.contents.values()) {
    for (const source of parts.flatMap(({ sources }) => sources)) originOf(source).status = 'reachable';
  }
}
function verified(number: number, totalBytes = 1000) {
  Object.assign(contentOf(number), { state: 'VERIFIED', totalBytes, currentBytes: totalBytes });
}
function download(number: number, sourceIndex = 0) {
  const source = desired.contents.get(sha256Of(`content ${number}`))?.parts[0]?.sources[
    sourceIndex
  ] as Source;
  const abort = new AbortController();
  const activity = { kind: 'download', source, abort, startedMs: 0, slowBytesPerSecond: null };
  Object.assign(contentOf(number), { state: 'DOWNLOADING', activity });
  return abort;
}

describe('starting downloads', () => {
  it('asks once for a local datastore before anything is fetched from it', () => {
    want([treeOf(1), treeOf(2)]);
    expect(stepsOf()).toEqual(['probe']);
    for (const origin of actual.origins.values()) origin.status = 'probing';
    expect(stepsOf()).toEqual([]);
  });

  it('lets one download try a datastore that was found, and more once it has answered', () => {
    want([treeOf(1), treeOf(2), treeOf(3)]);
    for (const origin of [originOf(desired.trees.get(uuidOf(1))?.sources[0] as Source)])
      origin.status = 'found';
    expect(stepsOf()).toEqual(['download 1']);
    reach();
    expect(stepsOf()).toEqual(['download 1', 'download 2']);
  });

  it('needs no question for an address', () => {
    want([treeOf(1)], [datastoreOf(1, { fqdn: 'http://10.1.0.5' })]);
    expect(stepsOf()).toEqual(['download 1']);
  });

  it('keeps to the limits of a datastore and of all together', () => {
    const at = (number: number) => ({ dsIdsList: [datastoreIdOf(number)] });
    want(
      [treeOf(1), treeOf(2), treeOf(3), treeOf(4, at(2)), treeOf(5, at(3)), treeOf(6, at(3))],
      [1, 2, 3].map((number) => datastoreOf(number)),
    );
    reach();
    expect(stepsOf()).toEqual(['download 1', 'download 2', 'download 4', 'download 5']);
    for (const number of [1, 2, 4, 5]) download(number);
    expect(stepsOf()).toEqual([]);
  });

  it('never gives the last slot to a large image', () => {
    const large = { maxSizeBytes: '1000000' };
    want([treeOf(1, large), treeOf(2, large), treeOf(3, large), treeOf(4), treeOf(5)]);
    reach();
    expect(stepsOf(0, { maxDownloadsPerDatastore: 3, maxDownloads: 3 })).toEqual([
      'download 1',
      'download 2',
      'download 4',
    ]);
    expect(stepsOf(0, { maxDownloadsPerDatastore: 2 })).toEqual(['download 1', 'download 4']);
    expect(stepsOf(0, { maxDownloads: 1 })).toEqual(['download 1']);
  });

  it('fetches one content once for all its trees', () => {
    const same = { sha256: sha256Of('content 1') };
    want([treeOf(1), treeOf(2, same), treeOf(3, same)]);
    reach();
    expect(stepsOf()).toEqual(['download 1']);
  });

  it('reserves space before the start, and counts what is under way', () => {
    want([treeOf(1), treeOf(2), treeOf(3, { maxSizeBytes: '400' })]);
    reach();
    const { steps, lacksBytes } = plan(0, {}, 1500);
    expect(steps.map((step) => step.kind)).toEqual(['download', 'download']);
    expect([...lacksBytes]).toEqual([[sha256Of('content 2'), 500]]);
    download(1).signal.throwIfAborted();
    contentOf(1).totalBytes = 1000;
    contentOf(1).currentBytes = 900;
    expect(plan(0, { maxDownloadsPerDatastore: 3 }, 1050).lacksBytes.size).toBe(1);
    expect(plan(0, { maxDownloadsPerDatastore: 3 }, 1600).lacksBytes.size).toBe(0);
  });
});

describe('waiting', () => {
  const sourceOf = (number: number, index = 0) => desired.trees.get(uuidOf(number))?.sources[index] as Source;

  it('says when to look again', () => {
    want([treeOf(1)]);
    reach();
    sourceStateOf(contentOf(1), sourceOf(1).key).waitUntilMs = 5000;
    expect(plan(4999)).toMatchObject({ steps: [], wakeAtMs: 5000 });
    expect(stepsOf(5000)).toEqual(['download 1']);
  });

  it('lets nobody near a datastore that failed a moment ago, and takes the next one', () => {
    want([treeOf(1, { dsIdsList: [datastoreIdOf(2), datastoreIdOf(1)] })], [datastoreOf(1), datastoreOf(2)]);
    reach();
    expect(plan().steps).toMatchObject([{ kind: 'download', source: { datastoreId: datastoreIdOf(2) } }]);
    originOf(sourceOf(1, 0)).waitUntilMs = 1000;
    expect(plan().steps).toMatchObject([{ kind: 'download', source: { datastoreId: datastoreIdOf(1) } }]);
  });

  it('gives a source up after so many wrong digests, and goes on with the next one', () => {
    want([treeOf(1, { dsIdsList: [datastoreIdOf(2), datastoreIdOf(1)] })], [datastoreOf(1), datastoreOf(2)]);
    reach();
    const [usedUp, other] = [0, 1].map((i) => sourceStateOf(contentOf(1), sourceOf(1, i).key));
    if (usedUp === undefined || other === undefined) throw new Error('no sources');
    usedUp.mismatches = 5;
    const chosen = (nowMs: number) =>
      plan(nowMs).steps.map((step) => 'source' in step && step.source.datastoreId);
    expect(chosen(0)).toEqual([datastoreIdOf(1)]);
    // What is here from the other one is worth more than another look at wrong bytes.
    Object.assign(other, { waitUntilMs: 4000, failures: 2 });
    expect([chosen(3000), chosen(4000)]).toEqual([[], [datastoreIdOf(1)]]);
    Object.assign(other, { waitUntilMs: 9000, failures: 3 });
    expect(chosen(5000)).toEqual([datastoreIdOf(2)]);
    Object.assign(other, { failures: 0, failure: { severity: 'SEVERITY_ERROR' } });
    expect(chosen(5000)).toEqual([datastoreIdOf(2)]);
    Object.assign(usedUp, { waitUntilMs: 7000 });
    expect(plan(5000)).toMatchObject({ steps: [], wakeAtMs: 7000 });
  });

  it('asks a datastore that failed at once when the configuration changes what is sent to it', () => {
    want([treeOf(1)], [datastoreOf(1)]);
    const [source] = [...desired.trees.values()].flatMap(({ sources }) => sources);
    originOf(source as Source).waitUntilMs = 60_000;
    want([treeOf(1)], [datastoreOf(1), datastoreOf(2)]);
    expect(stepsOf()).toEqual([]);
    want([treeOf(1)], [datastoreOf(1, { fqdn: 'http://ds1.local', dpath: 'moved' })]);
    expect(stepsOf()).toEqual(['probe']);
  });

  it('is free once the configuration changes', () => {
    want([treeOf(1)]);
    reach();
    sourceStateOf(contentOf(1), sourceOf(1).key).waitUntilMs = 600_000;
    expect(plan(1000)).toMatchObject({ steps: [], wakeAtMs: 600_000 });
    want([treeOf(1)]);
    expect(plan(1000).steps).toEqual([]);
    want([treeOf(1, { generationCount: '1' })]);
    reach();
    expect(stepsOf(1000)).toEqual(['download 1']);
  });
});

describe('names', () => {
  it('lead to content once it is verified and has the stated size', () => {
    want([treeOf(1), treeOf(2, { maxSizeBytes: '999' })]);
    verified(1);
    verified(2);
    expect(stepsOf()).toEqual(['link 1 image-1']);
    actual.links.set('image-1', sha256Of('content 1'));
    expect(stepsOf()).toEqual([]);
  });

  it('go when their tree goes, and are replaced when it changes', () => {
    want([treeOf(1), treeOf(2)]);
    verified(1);
    actual.links.set('image-1', sha256Of('content 1'));
    want([treeOf(2, { displayName: 'image-1' })]);
    verified(2);
    expect(stepsOf()).toEqual(['link 2 image-1']);
    want([]);
    expect(stepsOf()).toEqual(['unlink image-1']);
    actual.busyNames.add('image-1');
    expect(stepsOf()).toEqual([]);
  });
});

describe('content that nobody wants', () => {
  it('stays for its grace time, then goes', () => {
    want([treeOf(1)]);
    verified(1);
    want([]);
    expect(plan(999)).toMatchObject({ steps: [], wakeAtMs: 1000 });
    expect(stepsOf(1000)).toEqual(['remove 1']);
  });

  it('goes earlier when its space is needed and is enough', () => {
    want([treeOf(1)]);
    verified(1);
    want([treeOf(2)]);
    reach();
    expect(stepsOf(0, {}, 500)).toEqual(['remove 1']);
    expect(stepsOf(0, {}, -1)).toEqual([]);
  });

  it('has its download stopped, once', () => {
    want([treeOf(1)]);
    reach();
    const abort = download(1);
    want([]);
    expect(stepsOf()).toEqual(['stop 1']);
    abort.abort();
    expect(stepsOf()).toEqual([]);
  });
});

describe('holds', () => {
  it('stop a download only when every tree of the content is held', () => {
    want([treeOf(1), treeOf(2, { sha256: sha256Of('content 1') })]);
    reach();
    download(1);
    actual.holds.set(uuidOf(1), 'paused');
    expect(stepsOf()).toEqual([]);
    actual.holds.set(uuidOf(2), 'paused');
    expect(stepsOf()).toEqual(['stop 1']);
  });

  it('throw away what has arrived when cancelled, and nothing when paused', () => {
    want([treeOf(1)]);
    reach();
    contentOf(1).currentBytes = 10;
    actual.holds.set(uuidOf(1), 'paused');
    expect(stepsOf()).toEqual([]);
    actual.holds.set(uuidOf(1), 'cancelled');
    expect(stepsOf()).toEqual(['remove 1']);
  });
});

describe('the cost', () => {
  it.each([10, 100, 1000])('of %i content trees grows with their number', (count) => {
    const datastores = Array.from({ length: count / 10 }, (_, i) => datastoreOf(i + 1));
    want(
      Array.from({ length: count }, (_, i) =>
        treeOf(i, { dsIdsList: [datastoreIdOf((i % datastores.length) + 1)] }),
      ),
      datastores,
    );
    let lookUps = 0;
    const counting = (source: Source) => {
      lookUps += 1;
      return originOf(source);
    };
    const { steps } = planSteps(desired, actual, counting, LIMITS, PLENTY, 0);
    expect(steps.length).toBe(datastores.length);
    expect(lookUps).toBe(2 * count);
  });
});
